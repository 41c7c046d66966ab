"""What crosses between two entrypoints."""

import asyncio

import pytest

from paddock.worker.isolate.rpc import JsRpcStub, crossed
from paddock.worker.isolate.web.array import JsArray
from paddock.worker.isolate.web.blob import File
from paddock.worker.isolate.web.errors import JsException
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.proxies import create_proxy
from paddock.worker.isolate.web.response import Response
from paddock.worker.isolate.web.scope import enter_request


@pytest.mark.parametrize("value", [None, jsnull, 1, 1.5, True, "text"])
def test_primitives_are_themselves(value: object) -> None:
    assert crossed(value) is value


def test_containers_are_copied_deeply() -> None:
    inner = JsArray([1])
    sent = JsObject({"list": inner, "map": JsMap.new(JsArray([JsArray(["k", inner])])), "set": JsSet.new(JsArray([2]))})
    copy = crossed(sent)
    inner.push(2)
    assert isinstance(copy, JsObject)
    assert list(copy.list) == list(copy.map["k"]) == [1]  # type: ignore[call-overload,index] # an array and a map
    assert 2 in copy.set  # type: ignore[operator] # a set


def test_what_contains_itself_is_copied_once() -> None:
    loop = JsObject()
    loop.me = loop
    copy = crossed(loop)
    assert isinstance(copy, JsObject)
    assert copy.me is copy
    assert copy is not loop


def test_errors_lose_their_identity_but_not_their_text() -> None:
    error = JsException("TypeError", "no")
    copy = crossed(error)
    assert copy is not error
    assert str(copy) == "TypeError: no"


def test_responses_are_handed_over() -> None:
    response = Response.new("x")
    assert crossed(response) is response


@pytest.mark.parametrize("value", [object(), 1j, range(3), File.new(JsArray(["x"]), "x"), {"a": 1}, (1,)])
def test_what_cannot_be_sent_is_named(value: object) -> None:
    with pytest.raises(
        JsException, match=f'^DataCloneError: Could not serialize object of type "{type(value).__name__}"'
    ):
        crossed(value)


def test_a_function_becomes_a_stub_that_copies_both_ways() -> None:
    kept: list[object] = []

    def function(value: object) -> object:
        kept.append(value)
        return value

    async def main() -> object:
        async with enter_request():
            stub = crossed(create_proxy(function))
            assert isinstance(stub, JsRpcStub)
            return await stub(sent)

    sent = JsArray([1])
    back = asyncio.run(main())
    assert isinstance(back, JsArray)
    assert list(back) == [1]
    assert kept[0] is not sent
    assert kept[0] is not back
