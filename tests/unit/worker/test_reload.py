import asyncio
import os
from pathlib import Path

from paddock.worker.reload import PYTHON, Files, Tree, watch


def test_a_saved_module_is_reported_by_its_path_in_the_project(tmp_path: Path) -> None:
    """DT-028, DT-033"""
    (tmp_path / "lib").mkdir()
    tree = Tree(tmp_path)
    (tmp_path / "lib" / "a.py").write_text("1")
    (tmp_path / "handler.py").write_text("1")
    assert tree.changes() == ["handler.py", "lib/a.py"]
    assert tree.changes() == []


def test_a_removed_module_counts_as_a_change(tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text("1")
    tree = Tree(tmp_path)
    (tmp_path / "gone.py").unlink()
    assert tree.changes() == ["gone.py"]


def test_environments_hidden_folders_packages_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    for name in (".hidden", "env", "python_modules", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    tree = Tree(tmp_path)
    for name in (".hidden", "env", "python_modules", "__pycache__"):
        (tmp_path / name / "a.py").write_text("1")
    (tmp_path / "notes.log").write_text("1")
    assert tree.changes() == []


def test_data_files_count_unless_only_python_does(tmp_path: Path) -> None:
    """DT-033"""
    every, python = Tree(tmp_path), Tree(tmp_path, PYTHON)
    (tmp_path / "query.sql").write_text("1")
    assert (every.changes(), python.changes()) == (["query.sql"], [])


def test_a_file_put_in_the_place_of_another_is_a_change_whatever_its_time(tmp_path: Path) -> None:
    """DT-028: as editors save."""
    file, other = tmp_path / "a.py", tmp_path / "b.tmp"
    for path in (file, other):
        path.write_text("1")
        os.utime(path, ns=(5, 5))
    tree = Tree(tmp_path)
    other.rename(file)
    assert tree.changes() == ["a.py"]


def test_linked_folders_are_looked_at_and_circles_end(tmp_path: Path) -> None:
    """DT-033"""
    project, shared = tmp_path / "project", tmp_path / "shared"
    for folder in (project, shared):
        folder.mkdir()
    (project / "lib").symlink_to(shared)
    (shared / "back").symlink_to(project)
    tree = Tree(project)
    (shared / "a.py").write_text("1")
    assert "lib/a.py" in tree.changes()


def test_files_by_name_may_come_and_go(tmp_path: Path) -> None:
    """DT-034"""
    files = Files(tmp_path, [tmp_path / ".dev.vars", tmp_path / "wrangler.toml"])
    (tmp_path / ".dev.vars").write_text("A=1")
    (tmp_path / "other").write_text("1")
    assert files.changes() == [".dev.vars"]
    (tmp_path / ".dev.vars").unlink()
    assert files.changes() == [".dev.vars"]


def test_folders_with_a_watcher_of_their_own_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    tree = Tree(tmp_path, without=[tmp_path / "public"])
    (tmp_path / "public" / "a.html").write_text("1")
    assert tree.changes() == []


def test_quick_saves_are_one_change(tmp_path: Path) -> None:
    """DT-036"""

    class Saved(Files):
        """Somebody saves between any two looks, three times."""

        saves = 3

        def changes(self) -> list[str]:
            if self.saves:
                self.saves -= 1
                (tmp_path / "handler.py").write_text("x" * self.saves)
            return super().changes()

    async def run() -> list[list[str]]:
        batches: list[list[str]] = []
        done = asyncio.Event()

        async def on_change(paths: list[str]) -> None:
            batches.append(paths)
            done.set()

        async with asyncio.TaskGroup() as tasks:
            files = Saved(tmp_path, [tmp_path / "handler.py"])
            watching = tasks.create_task(watch(lambda: files, on_change))
            await done.wait()
            watching.cancel()
        return batches

    assert asyncio.run(run()) == [["handler.py"]]
