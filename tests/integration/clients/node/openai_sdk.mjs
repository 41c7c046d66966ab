// OpenAI's SDK for JavaScript. `url` is Paddock's address in every call.

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const messages = [{ role: "user", content: "Tell me about lighthouses." }];
const Harbour = z.object({ name: z.enum(["Kiel", "Bergen"]), isOpen: z.boolean() });

// A refused call is not tried again, so that its error is the answer.
function client({ url, maxRetries = 0 }) {
  return new OpenAI({ baseURL: `${url}/client/v4/accounts/a/ai/v1`, apiKey: "any", maxRetries });
}

export async function chat({ url, maxRetries, ...given }) {
  return client({ url, maxRetries }).chat.completions.create({ messages, temperature: 0, ...given });
}

export async function streamChat({ url, ...given }) {
  const stream_options = { include_usage: true };
  const create = { messages, temperature: 0, stream: true, stream_options, ...given };
  const chunks = [];
  for await (const chunk of await client({ url }).chat.completions.create(create)) chunks.push(chunk);
  return chunks;
}

// The SDK's own gathering of a stream.
export async function gather({ url, ...given }) {
  const runner = client({ url }).chat.completions.stream({ messages, temperature: 0, ...given });
  return runner.finalChatCompletion();
}

export async function parse({ url, ...given }) {
  const response_format = zodResponseFormat(Harbour, "harbour");
  const answer = await client({ url }).chat.completions.parse({ messages, temperature: 0, response_format, ...given });
  return answer.choices[0].message.parsed;
}

// The SDK asks, runs the tool, and asks again with what it gave.
export async function act({ url, ...given }) {
  const places = [];
  const weather = {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a place",
      parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
      parse: JSON.parse,
      function: ({ place }) => {
        places.push(place);
        return `Sunny in ${place}.`;
      },
    },
  };
  const turns = [{ role: "user", content: "What is the weather in Kiel?" }];
  const asked = { messages: turns, tools: [weather], temperature: 0, ...given };
  const runner = client({ url }).chat.completions.runTools(asked);
  return { text: await runner.finalContent(), places };
}

export async function complete({ url, ...given }) {
  return client({ url }).completions.create({ prompt: "Tell me about lighthouses.", temperature: 0, ...given });
}

export async function streamComplete({ url, ...given }) {
  const create = { prompt: "Tell me about lighthouses.", temperature: 0, stream: true, ...given };
  const pieces = [];
  for await (const chunk of await client({ url }).completions.create(create)) pieces.push(chunk.choices[0].text);
  return pieces;
}

export async function respond({ url, ...given }) {
  return client({ url }).responses.create({ input: messages, temperature: 0, ...given });
}

export async function streamRespond({ url, ...given }) {
  const events = [];
  const stream = client({ url }).responses.stream({ input: messages, temperature: 0, ...given });
  for await (const event of stream) events.push(event);
  return { events, final: await stream.finalResponse() };
}

export async function models({ url }) {
  const ids = [];
  for await (const model of client({ url }).models.list()) ids.push(model.id);
  return ids;
}

export async function model({ url, id }) {
  return client({ url }).models.retrieve(id);
}

// Leaves in mid-stream, after the first piece.
export async function leave({ url, ...given }) {
  const stream = await client({ url }).chat.completions.create({ messages, stream: true, ...given });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) {
      stream.controller.abort();
      return chunk.choices[0].delta.content;
    }
  }
}

export async function parallel({ url, count, ...given }) {
  const openai = client({ url });
  const calls = Array.from({ length: count }, () => openai.chat.completions.create({ messages, ...given }));
  return (await Promise.all(calls)).map((answer) => answer.choices[0].message.content);
}

export async function embed({ url, ...given }) {
  return client({ url }).embeddings.create({ input: "hi", ...given });
}
