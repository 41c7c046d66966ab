"""What workerd itself says, for some four hundred expressions.

`recorded.json` has rows of an expression in JavaScript, the same in Python, and its outcome in workerd 1.20261117.1
with the compatibility date 2026-09-15, recorded on 2026-11-26: a value, or the text of the error. To record a row,
evaluate its `javascript` in workerd (`unsafeEval`) and write what comes out as `_OUTCOME` below writes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from conftest import Worker

ROWS: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("recorded.json").read_text())

#: Expressions whose outcome is another one here, with the reason.
DEVIATIONS: Final = {
    'new Headers({"": "x"})': "a header without a name cannot be sent",
    'new Headers({a:"1"}).has("")': "as above",
    'new Response("x",{status:404}).statusText': "the SDK's own tests expect the text of the status (PW-086)",
    'const r=new Response("x"); await r.text(); return r.clone()': "the text says what is wrong",
    'new Response("--b\\r\\n\\r\\nx\\r\\n--b--",'
    '{headers:{"content-type":"multipart/form-data; boundary=b"}}).formData()':
        "a text of its own",
    'new Response("a=1&b=%zz+",{headers:{"content-type":"application/x-www-form-urlencoded"}}).formData()':
        "the URL standard keeps a percent sign that is no escape",
    'new Request("https://a.test",{mode:"cors"}).mode': "Python has no attribute where JavaScript has undefined",
    'new File(["x"])': "a missing argument is Python's TypeError",
    "new Event()": "as above",
    "new ReadableStream({},{highWaterMark:-1})": "the Streams standard's error",
    "new FixedLengthStream(-1)": "a text of its own",
    "const t=new FixedLengthStream(2); const w=t.writable.getWriter(); "
    "new Response(t.readable).text().catch(()=>{}); return w.write(new Uint8Array(3))":
        "the write fails as well, not only the read",
    "const t=new FixedLengthStream(2); const w=t.writable.getWriter(); "
    "new Response(t.readable).text().catch(()=>{}); return w.close()": "the close fails as well, not only the read",
    'const k=await crypto.subtle.importKey("raw",new Uint8Array(16),"AES-GCM",false,["encrypt"]); '
    'return crypto.subtle.encrypt({name:"AES-GCM",iv:new Uint8Array(1)},k,new Uint8Array(1))':
        "the cryptography package takes no shorter vector than 8 bytes",
    'const k=await crypto.subtle.importKey("raw",new Uint8Array(16),"AES-GCM",true,["decrypt","encrypt"]); '
    'return crypto.subtle.exportKey("jwk",k)': "workerd's has members that are undefined",
    "structuredClone(()=>1)": "the function's own text",
    'new DOMException("a","b").code': "legacy codes are not available",
    'new Map([[1,"a"],[true,"b"]]).size': "1 and True are one key in Python",
}  # fmt: skip

#: Evaluates the expressions in the names of `js` and `pyodide.ffi`, and writes outcomes as they were recorded.
_OUTCOME: Final = """
import json, logging, math
import js
import pyodide.ffi
from pyodide.ffi import JsException, JsMap, JsProxy, jsnull, to_js

logging.disable(logging.CRITICAL)

def plain(value):
    if value is None:
        return "undefined"
    if value is jsnull:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return js.String(value)
    if isinstance(value, JsException):
        return f"{value.name}: {value.message}"
    if isinstance(value, JsMap):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if not isinstance(value, JsProxy):
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value
    if value.constructor.name == "Object":
        return {name: plain(item) for name, item in value.object_entries()}
    if value.constructor.name == "ArrayBuffer":
        return list(value.to_bytes())
    if hasattr(type(value), "__iter__"):
        return [plain(item) for item in value]
    return "function" if value.typeof == "function" else str(value)

async def outcome(code):
    names = {name: getattr(js, name) for name in dir(js) if not name.startswith("_")}
    names |= {name: getattr(pyodide.ffi, name) for name in pyodide.ffi.__all__}
    names["H"] = lambda **handlers: to_js(handlers, dict_converter=js.Object.fromEntries)
    lines = code.split("; ") if "return " in code else [f"return ({code})"]
    exec("async def run():\\n" + "\\n".join(f"    {line.strip()}" for line in lines), names)
    try:
        result = await names["run"]()
        return plain(await result if hasattr(result, "then") else result)
    except Exception as error:
        return plain(error) if isinstance(error, JsException) else f"{type(error).__name__} of Python: {error}"

async def on_fetch(request, env, ctx):
    outcomes = [await outcome(code) for code in await request.json()]
    return js.Response.new(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def outcomes(worker: Worker) -> dict[str, Any]:
    """The outcomes here, by the expressions in JavaScript."""
    answer = worker.fetch(_OUTCOME, method="POST", body=json.dumps([row["python"] for row in ROWS]))
    assert not answer.error, answer.message
    return dict(zip((row["javascript"] for row in ROWS), answer.json, strict=True))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["javascript"][:80])
def test_outcome_is_workerds(outcomes: dict[str, Any], row: dict[str, Any]) -> None:
    """PW-063, PW-065 to PW-070, PW-073 to PW-075, PW-082, PW-088 to PW-090, PW-106, PW-109, PW-116, PW-120."""
    here = outcomes[row["javascript"]]
    if row["javascript"] in DEVIATIONS:
        assert here != row["outcome"], f"it is as in workerd now; take it out: {row['javascript']}"
    else:
        assert here == row["outcome"]
