"""Several workers in one session of `paddock dev`, on the real engine."""

from __future__ import annotations

from pathlib import Path

PHI = "@cf/microsoft/phi-2"
HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        answer = await self.env.AI.run("@cf/microsoft/phi-2", {"prompt": "Hello", "max_tokens": 4, "temperature": 0})
        answers = [answer["response"]]
        if hasattr(self.env, "BACK"):
            answers += await (await self.env.BACK.fetch(request.url)).json()
        return Response.json(answers)
"""
CONFIG = """
name = "{name}"
main = "handler.py"
compatibility_date = "2026-09-15"
compatibility_flags = ["python_workers"]
ai = {{ binding = "AI" }}
"""
SERVICE = '[[services]]\nbinding = "BACK"\nservice = "back"\n'


def test_one_engine_serves_both(start_dev, tmp_path: Path) -> None:
    """DT-047"""
    flags: list[str] = []
    for name, text in [("front", SERVICE), ("back", "")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "handler.py").write_text(HANDLER)
        (tmp_path / name / "wrangler.toml").write_text(CONFIG.format(name=name) + text)
        flags += ["-c", str(tmp_path / name / "wrangler.toml")]
    server = start_dev(tmp_path, tmp_path / "ready", *flags)
    try:
        with server.client as client:
            first, second = client.get("/").json()
            loaded = client.get("/cdn-cgi/local/ai/ps").json()["models"]
            metrics = client.get("/cdn-cgi/local/ai/metrics").text.splitlines()
        assert first == second != ""
        assert list(loaded) == [PHI]
        (count,) = [line for line in metrics if line.startswith("vllm:request_success_total") and PHI in line]
        assert count.endswith(" 2.0")
    finally:
        assert server.stop() == 130
