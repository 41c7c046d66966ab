"""What tail workers do not see of a request. Source: workerd, api/util-test."""

import pytest

from paddock.worker.isolate.tailed import redacted


@pytest.mark.parametrize(
    "span",
    [
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef-0123456789ABCDEF",
        "01234567890123456azAZ",
        "4222222222222",
        "4000000000000000006",
        "4111-1111-1111-1111",
    ],
)
def test_ids_and_numbers_of_cards_are_hidden(span: str) -> None:
    assert redacted(f"https://domain/{span}/x?a={span}") == "https://domain/REDACTED/x?a=REDACTED"


@pytest.mark.parametrize(
    "span",
    [
        "",
        "path",
        "0123456789abcdef0123456789abcde",
        "0123456789-abcdef-0123456789-abcde",
        "0123456789abcdef0123456789abcdefg",
        "0123456789012345azAZ",
        "012345678901234567zAZ",
        "012345678901234567azZ",
        "IThinkIShallNeverSee0",
        "4111111111111112",
        "79927398713",
        "40000000000000000002",
    ],
)
def test_everything_else_is_left(span: str) -> None:
    assert redacted(f"https://domain/{span}/x?a={span}") == f"https://domain/{span}/x?a={span}"
