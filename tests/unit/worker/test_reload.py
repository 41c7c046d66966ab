from pathlib import Path

from paddock.worker.reload import SourceTree


def test_a_saved_module_is_reported_by_its_path_in_the_project(tmp_path: Path) -> None:
    """DT-028, DT-033"""
    (tmp_path / "lib").mkdir()
    tree = SourceTree(tmp_path)
    (tmp_path / "lib" / "a.py").write_text("1")
    (tmp_path / "handler.py").write_text("1")
    assert tree.changes() == ["handler.py", "lib/a.py"]
    assert tree.changes() == []


def test_a_removed_module_counts_as_a_change(tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text("1")
    tree = SourceTree(tmp_path)
    (tmp_path / "gone.py").unlink()
    assert tree.changes() == ["gone.py"]


def test_environments_hidden_folders_packages_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    for name in (".hidden", "env", "python_modules", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    tree = SourceTree(tmp_path)
    for name in (".hidden", "env", "python_modules", "__pycache__"):
        (tmp_path / name / "a.py").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    assert tree.changes() == []
