"""Miniflare with the options that wrangler makes of a configuration file."""

import json

import pytest

from paddock.worker.relay import PREFIX

pytestmark = pytest.mark.clients("wrangler", "miniflare", what="`unstable_getMiniflareWorkerOptions`")

CONFIGURATION = {
    "name": "worker",
    "main": "worker.mjs",
    "compatibility_date": "2026-04-01",
    "ai": {"binding": "AI", "remote": True},
}


@pytest.mark.parametrize("place", ["", PREFIX])
def test_the_workers_binding_answers(project_of, node_files, run, real, place: str) -> None:
    folder = project_of(node_files, "wrangler", "miniflare")
    (folder / "wrangler.jsonc").write_text(json.dumps(CONFIGURATION))
    (folder / "worker.mjs").write_text("export default {};")
    ended = run(["node", "wrangler_options.mjs", real + place, "@cf/microsoft/phi-2"], folder)
    assert ended.json()["response"].strip()
