"""`paddock dev handler.py`, with no configuration anywhere above."""

from pathlib import Path

from .conftest import CONFIG, Start

HANDLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(f"{hasattr(self.env, 'AI')} {getattr(self.env, 'WORD', '')}")
"""


def test_a_handler_alone_is_served_and_goes_by_a_configuration_that_is_written_later(
    start: Start, tmp_path: Path
) -> None:
    session = start("handler.py", config=None, handler=HANDLER)
    session.expect("No configuration: handler.py runs as handler with the compatibility date")
    with session.ready() as client:
        assert client.get("/").text == "True "
        (tmp_path / "wrangler-like.toml").write_text(CONFIG + '[vars]\nWORD = "now"\n')
        session.expect('name takes effect at the next start: until then it is "handler"')
        session.expect("Local server updated and ready")
        assert client.get("/").text == "False now"
    assert session.end() == 130
