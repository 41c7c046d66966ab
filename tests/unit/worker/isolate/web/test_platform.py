"""The small things: text encoding, timers, random values, the console, dates, proxies of Python objects, run_sync."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from paddock.worker.isolate.web.array import Array, JsArray
from paddock.worker.isolate.web.buffers import TYPED_ARRAYS, uint8_array
from paddock.worker.isolate.web.console import CONSOLE
from paddock.worker.isolate.web.crypto import CRYPTO
from paddock.worker.isolate.web.date import Date
from paddock.worker.isolate.web.encoding import ATOB, BTOA, TextDecoder, TextEncoder
from paddock.worker.isolate.web.errors import ErrorClass, JsException
from paddock.worker.isolate.web.map import JsMap, JsSet
from paddock.worker.isolate.web.objects import JsObject, jsnull
from paddock.worker.isolate.web.promise import Promise
from paddock.worker.isolate.web.proxies import create_once_callable, create_proxy, destroy_proxies
from paddock.worker.isolate.web.scope import enter_request
from paddock.worker.isolate.web.suspend import run_sync
from paddock.worker.isolate.web.timers import CLEAR_TIMEOUT, QUEUE_MICROTASK, SET_INTERVAL, SET_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Coroutine


def _in_request(coroutine: Coroutine[object, object, Any]) -> Any:  # results of every type
    async def main() -> Any:
        async with enter_request():
            return await coroutine

    return asyncio.run(main())


def test_error_has_name_message_and_text() -> None:
    """PW-120."""
    error = JsException("InvalidInput", "5006: wrong")
    assert (error.name, error.message, str(error)) == ("InvalidInput", "5006: wrong", "InvalidInput: 5006: wrong")


def test_error_classes_make_errors() -> None:
    made: Any = ErrorClass.of("Error")
    error = made.new("text", cause="why")
    assert (str(error), error.cause, error.constructor.name) == ("Error: text", "why", "Error")
    names = [JsException(name).constructor.name for name in ("RangeError", "AbortError", "Own")]  # type: ignore[attr-defined]  # constructors have names
    assert names == ["RangeError", "DOMException", "Error"]


def test_decoder_keeps_split_characters() -> None:
    decoder, data = TextDecoder.new(), "€".encode()
    parts = [
        decoder.decode(uint8_array(data[:1]), {"stream": True}),
        decoder.decode(uint8_array(data[1:]), stream=True),
    ]
    assert [*parts, decoder.decode()] == ["", "€", ""]


def test_decoder_labels_and_faults() -> None:
    assert TextDecoder.new("latin1").encoding == "windows-1252"
    assert TextDecoder.new().decode(uint8_array(b"\xef\xbb\xbfa\xff")) == "a\ufffd"
    with pytest.raises(JsException, match="TypeError"):
        TextDecoder.new("utf-8", fatal=True).decode(uint8_array(b"\xff"))
    with pytest.raises(JsException, match="RangeError"):
        TextDecoder.new("klingon")


def test_encoder_replaces_a_lone_surrogate() -> None:
    assert TextEncoder.new().encode("\ud800 \ud83d\ude00").to_bytes().decode() == "\ufffd \U0001f600"


def test_encoder() -> None:
    assert TextEncoder.new().encode("é").to_bytes() == "é".encode()
    target = TYPED_ARRAYS["Uint8Array"].new(2)
    assert TextEncoder.new().encodeInto("aé", target).to_py() == {"read": 1, "written": 1}


def test_base64() -> None:
    assert (BTOA("\xff"), ATOB("/w"), ATOB(" aGk= ")) == ("/w==", "\xff", "hi")
    for function, text in ((BTOA, "€"), (ATOB, "a"), (ATOB, "a%==")):
        with pytest.raises(JsException, match="InvalidCharacterError"):
            function(text)


def test_timers_run_in_order_and_can_be_stopped() -> None:
    """PW-124."""

    async def main() -> list[str]:
        seen: list[str] = []
        done = asyncio.Event()
        CLEAR_TIMEOUT(SET_TIMEOUT(create_proxy(lambda: seen.append("stopped")), 0))
        SET_TIMEOUT(create_once_callable(seen.append), 0, "timer")
        QUEUE_MICROTASK(create_proxy(lambda: seen.append("microtask")))
        SET_TIMEOUT(create_once_callable(done.set), 1)
        await done.wait()
        return seen

    assert _in_request(main()) == ["microtask", "timer"]


def test_interval_repeats_until_stopped() -> None:
    async def main() -> int:
        count, done = 0, asyncio.Event()

        def tick() -> None:
            nonlocal count
            count += 1
            if count == 3:
                CLEAR_TIMEOUT(number)
                done.set()

        number = SET_INTERVAL(create_proxy(tick), 0)
        await done.wait()
        await asyncio.sleep(0)
        return count

    assert _in_request(main()) == 3


def test_delays_need_an_event() -> None:
    async def main() -> None:
        CLEAR_TIMEOUT(SET_TIMEOUT(lambda: None, 0))
        SET_TIMEOUT(lambda: None, 5)

    with pytest.raises(JsException, match="global scope"):
        asyncio.run(main())


def test_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        done = asyncio.Event()
        SET_TIMEOUT(create_once_callable(lambda: 1 / 0), 0)
        SET_TIMEOUT(create_once_callable(done.set), 1)
        await done.wait()

    _in_request(main())
    assert "uncaught_in_callback" in caplog.text


def test_random_values() -> None:
    """PW-117."""

    async def main() -> None:
        array = TYPED_ARRAYS["Uint32Array"].new(4)
        assert CRYPTO.getRandomValues(array) is array
        assert any(array)
        assert CRYPTO.randomUUID()[14] == "4"
        with pytest.raises(JsException, match="QuotaExceededError"):
            CRYPTO.getRandomValues(TYPED_ARRAYS["Uint8Array"].new(65537))

    _in_request(main())
    with pytest.raises(JsException, match="global scope"):
        CRYPTO.randomUUID()


def test_console_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """PW-121."""
    CONSOLE.log("a", 1, None, JsObject({"b": JsArray(["c"])}))
    CONSOLE.error("wrong")
    assert capsys.readouterr() == ("a 1 undefined { b: [ 'c' ] }\n", "wrong\n")


def test_dates() -> None:
    """PW-117."""
    assert abs(Date.now() - Date.new().getTime()) < 5000
    date = Date.new("2026-01-31T12:30:15.250+01:00")
    assert (date.toISOString(), date.getMonth(), date.getDay()) == ("2026-01-31T11:30:15.250Z", 0, 6)
    assert Date.new(2024, 1, 29).toISOString() == "2024-02-29T00:00:00.000Z"
    assert Date.parse("Sat, 31 Jan 2026 11:30:15 GMT") == 1769859015000
    assert (str(Date.new("x")), Date.new("x").toJSON()) == ("Invalid Date", jsnull)


def test_destroyed_proxy_cannot_be_used() -> None:
    """PW-119."""
    proxy: Any = create_proxy(lambda value: value + 1)
    assert (proxy(1), proxy.constructor.name) == (2, "PyProxy")
    destroy_proxies(Array.of(proxy))
    with pytest.raises(JsException, match="already been destroyed"):
        proxy(1)


def test_once_callable_is_called_once() -> None:
    once: Any = create_once_callable(lambda: 1)
    assert once() == 1
    with pytest.raises(JsException, match="only be called once"):
        once()


def test_proxy_of_a_coroutine_is_awaitable() -> None:
    async def work() -> str:
        return "done"

    async def main() -> object:
        proxy: Any = create_proxy(work())
        return await proxy

    assert asyncio.run(main()) == "done"


def test_buffer_of_bytes() -> None:
    proxy = create_proxy(b"ab")
    buffer = proxy.getBuffer()
    data = buffer.data
    assert (data.constructor.name, data.slice().to_bytes()) == ("Uint8Array", b"ab")  # type: ignore[attr-defined]  # constructors have names
    buffer.release()
    proxy.destroy()
    assert data.to_bytes() == b"ab"
    with pytest.raises(JsException, match="released"):
        buffer.data  # noqa: B018 # what is tested


def test_run_sync_of_settled_promises() -> None:
    assert run_sync(Promise.resolve(1)) == 1
    with pytest.raises(JsException, match="no"):
        run_sync(Promise.reject(JsException("Error", "no")))
    with pytest.raises(RuntimeError, match="No suspender"):
        run_sync(asyncio.sleep(0))


def test_map_is_a_mapping_in_python() -> None:
    made = JsMap.new([["a", 1]])
    made.set("b", 2)
    assert (made["a"], made.get("z", "d"), list(made), made.size, "b" in made) == (1, "d", ["a", "b"], 2, True)
    assert [list(entry) for entry in made.entries()] == [["a", 1], ["b", 2]]
    assert made != JsMap.new([["a", 1], ["b", 2]])


def test_set_keeps_order() -> None:
    made = JsSet.new([2, 1, 2])
    assert (list(made), made.size, 1 in made, made.delete(1), made.has(1)) == ([2, 1], 2, True, True, False)


def test_array_in_both_languages() -> None:
    array = Array.from_([3, 1, 2])
    assert (array.length, array[-1], list(array[1:]), array.indexOf(9), array.at(9)) == (3, 2, [1, 2], -1, None)
    array.push(4)
    array.append(5)
    array.splice(1, 2)
    assert (list(array), array.pop(0), array.join("-")) == ([3, 4, 5], 3, "4-5")


def test_array_callbacks_get_every_argument() -> None:
    """As in production: a function of the item alone raises there as well."""
    assert list(JsArray([1, 2]).map(lambda item, index, array: item * index)) == [0, 2]
    assert JsArray([1, 2]).reduce(lambda total, item, *_: total + item, 10) == 13
    with pytest.raises(TypeError, match="positional argument"):
        JsArray([1]).map(lambda item: item)


def test_iterators_of_both_languages() -> None:
    iterator = JsArray(["a"]).values()
    assert [iterator.next().to_py(), iterator.next().to_py()] == [
        {"value": "a", "done": False}, {"value": None, "done": True},
    ]  # fmt: skip
