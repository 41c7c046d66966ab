from paddock.bindings.ai.gateway import GatewayEntry, GatewayLog, GatewayOptions, LogPatch
from paddock.bindings.binding import CallRecord


def entry(gateway: str = "g", **members) -> GatewayEntry:
    return GatewayEntry(options=GatewayOptions(gateway), model="@cf/x/y", request_bytes=2, record=None, **members)


def test_an_entry_is_found_by_its_gateway_and_id_only() -> None:
    log, made = GatewayLog(), entry()
    log.add(made)
    assert log.find("g", made.id) is made
    assert log.find("other", made.id) is None
    assert log.find("g", "01J0000000000000000000000") is None


def test_the_oldest_entry_goes_first() -> None:
    log, made = GatewayLog(max_entries=2), [entry() for _ in range(3)]
    for each in made:
        log.add(each)
    assert [log.find("g", each.id) is not None for each in made] == [False, True, True]


def test_ids_are_ulids() -> None:
    made = entry()
    assert len(made.id) == 26
    assert set(made.id) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_counts_go_on_while_a_stream_is_read() -> None:
    record = CallRecord("@cf/x/y", outcome="aborted")
    made = GatewayEntry(options=GatewayOptions("g"), model="m", request_bytes=2, record=record, status_code=200)
    assert made.as_result()["success"] is False
    record.completion_tokens, record.outcome = 7, "ok"
    assert (made.as_result()["tokens_out"], made.as_result()["success"]) == (7, True)


def test_a_patch_changes_what_it_names() -> None:
    made = entry()
    made.change(LogPatch(score=5))
    made.change(LogPatch(feedback=-1, metadata={"a": 1}))
    result = made.as_result()
    assert (result["score"], result["feedback"], result["metadata"]) == (5, -1, {"a": 1})
