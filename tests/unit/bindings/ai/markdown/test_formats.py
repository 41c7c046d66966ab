"""Which formats are listed."""

import sys

import pytest

from paddock.bindings.ai.markdown.formats import supported


def test_rich_formats_are_listed_and_images_are_not() -> None:
    listed = supported()
    assert {"extension": ".pdf", "mimeType": "application/pdf"} in listed
    assert {"extension": ".odt", "mimeType": "application/vnd.oasis.opendocument.text"} in listed
    assert not [item for item in listed if item["mimeType"].startswith("image/") or item["extension"] == ".numbers"]


def test_without_its_package_a_format_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("bs4", "python_calamine", "pypdfium2"):
        monkeypatch.setitem(sys.modules, package, None)
    assert [item["extension"] for item in supported()] == [".xml", ".csv"]
