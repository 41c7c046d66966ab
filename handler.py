"""Paddock's demo: a Worker that chats with Workers AI models. It runs unchanged on Paddock and on Cloudflare.

curl localhost:8787/ask?prompt=Hello                                          one answer as JSON
curl -N localhost:8787/stream?prompt=Tell+me+a+story                          server-sent events
curl localhost:8787/ranch-hand?prompt=Tell+me+about+lighthouses               a model with a LoRA adapter
curl localhost:8787/weather?prompt=What+is+the+weather+in+Lisbon?             a model that calls a tool
curl localhost:8787/models                                                    which models there are
curl localhost:8787/ask -d '{"model": "@cf/microsoft/phi-2", "messages": [{"role": "user", "content": "Hi"}]}'
"""

import json
from urllib.parse import parse_qs, urlsplit

from pyodide.ffi import JsException
from workers import Response, WorkerEntrypoint

DEFAULT_MODEL = "@cf/meta/llama-2-7b-chat-fp16"
LORA_MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
TOOL_MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
WEATHER = {
    "name": "get_weather",
    "description": "Get the weather of a place",
    "parameters": {
        "type": "object",
        "properties": {"place": {"type": "string", "description": "Name of the place"}},
        "required": ["place"],
    },
}
#: Inputs that are numbers; in a query everything is text.
NUMBERS = {"max_tokens": int, "seed": int, "top_k": int, "temperature": float, "top_p": float}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = urlsplit(request.url).path
        if path == "/":
            return Response(PAGE, headers={"content-type": "text/html; charset=utf-8"})
        if path == "/models":
            models = await self.env.AI.models({"task": "Text Generation"})
            return Response.json([model.name for model in models])
        if path not in ("/ask", "/stream", "/ranch-hand", "/weather"):
            return Response("Not found: try /, /ask, /stream, /ranch-hand, /weather or /models", status=404)
        try:
            inputs = await read_inputs(request)
            model = inputs.pop("model", DEFAULT_MODEL)
            inputs.pop("stream", None)  # the path decides
            if path == "/weather":
                return Response.json(await self.ask_with_tool(inputs.get("prompt", "")))
            if path == "/ranch-hand":
                # On Cloudflare this is a finetune of your own with this name; Paddock ships one.
                model, inputs["lora"] = LORA_MODEL, "ranch-hand"
            if path == "/stream":
                stream = await self.env.AI.run(model, {**inputs, "stream": True})
                return Response(stream, headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
            return Response.json(await self.env.AI.run(model, inputs))
        except (ValueError, RecursionError) as error:  # the latter for a body nested beyond all measure
            return Response.json({"error": f"The inputs cannot be read: {error}"}, status=400)
        except JsException as error:
            is_callers_fault = error.message.startswith(("5006:", "5007:", "5021:"))
            return Response.json({"error": error.message}, status=400 if is_callers_fault else 502)

    async def ask_with_tool(self, prompt) -> dict:
        """Let the model call `get_weather`, and tell it what came of it."""
        messages = [{"role": "user", "content": prompt}]
        inputs = {"messages": messages, "tools": [WEATHER], "temperature": 0}
        answer = await self.env.AI.run(TOOL_MODEL, inputs)
        calls = [{"name": call.name, "arguments": dict(call.arguments)} for call in answer.tool_calls]
        for call in calls:
            messages.append({"role": "assistant", "content": json.dumps(call)})
            messages.append({"role": "tool", "content": get_weather(call["arguments"].get("place", "nowhere"))})
        if calls:
            answer = await self.env.AI.run(TOOL_MODEL, inputs)
        return {"calls": calls, "answer": answer.response}


def get_weather(place) -> str:
    return f"{place}: sunny, 21 degrees"


async def read_inputs(request) -> dict:
    """Model inputs from the query of a GET or from the JSON body of a POST."""
    if request.method == "POST":
        inputs = json.loads(await request.text())
        if not isinstance(inputs, dict):
            raise ValueError(f"expected a JSON object, got a {type(inputs).__name__}")
        return inputs
    inputs = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    return {name: NUMBERS.get(name, str)(value) for name, value in inputs.items()}


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Paddock demo</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent); }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem;
         min-height: 100vh; box-sizing: border-box; display: flex; flex-direction: column; }
  h1 { font-size: 1.2rem; margin: 0 0 .5rem; }
  #log { flex: 1; }
  #log p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; padding: .5rem .8rem;
           border: 1px solid var(--line); border-radius: .6rem; }
  #log .user { margin-left: 4rem; background: var(--line); }
  #log .error { border-color: crimson; }
  small { opacity: .7; }
  form { display: flex; gap: .5rem; flex-wrap: wrap; position: sticky; bottom: 0; padding: .5rem 0;
         background: Canvas; }
  input { flex: 1; min-width: 12rem; }
  input, select, button { font: inherit; padding: .4rem .6rem; }
</style>
<h1>Workers AI, on your own machine</h1>
<div id="log"></div>
<form>
  <select aria-label="Model">
  </select>
  <input aria-label="Message" placeholder="Tell me about lighthouses." autofocus>
  <button>Send</button>
</form>
<script>
  const [form, log] = [document.querySelector("form"), document.querySelector("#log")];
  const [model, field, button] = form.elements;
  let messages = [];
  fetch("/models").then(reply => reply.json()).then(names => {
    for (const name of names) model.add(new Option(name));
    const tuned = names.find(name => name.endsWith("-lora"));
    if (tuned) model.add(new Option("mistral with the adapter ranch-hand", tuned + "+ranch-hand"));
    model.value = names.find(name => name.includes("llama-2")) ?? names[0];
  });
  model.onchange = () => { messages = []; log.replaceChildren(); };
  function say(kind, text) {
    const line = document.createElement("p");
    line.className = kind;
    line.textContent = text;
    log.append(line);
    line.scrollIntoView();
    return line;
  }
  async function answer(line) {
    const [name, lora] = model.value.split("+");
    const reply = await fetch("/stream", { method: "POST", body: JSON.stringify({ model: name, lora, messages }) });
    if (!reply.ok) throw new Error((await reply.json()).error);
    let text = "", thought = "", rest = "", usage;
    for await (const chunk of reply.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\\n");
      rest = lines.pop();
      for (const data of lines.filter(l => l.startsWith("data: {")).map(l => JSON.parse(l.slice(6)))) {
        const part = data.choices?.[0]?.delta ?? {};
        text += data.response ?? part.content ?? "";
        thought += part.reasoning_content ?? part.reasoning ?? "";
        usage = data.usage ?? usage;
      }
      line.textContent = (thought && `(${thought.trim()})\\n`) + text.trim();
    }
    messages.push({ role: "assistant", content: text.trim() });
    const note = document.createElement("small");
    note.textContent = `\\n${usage.prompt_tokens} + ${usage.completion_tokens} tokens`;
    line.append(note);
  }
  form.onsubmit = async event => {
    event.preventDefault();
    const content = field.value || field.placeholder;
    field.value = "";
    say("user", content);
    messages.push({ role: "user", content });
    const line = say("", "…");
    button.disabled = true;
    try {
      await answer(line);
    } catch (error) {
      line.className = "error";
      line.textContent = error.message;
      messages.pop();
    }
    button.disabled = false;
  };
</script>
</html>
"""
