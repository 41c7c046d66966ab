// What the tests do with the Vercel AI SDK, over any provider: `model` is a model of one.

import { generateObject, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

const prompt = "Tell me about lighthouses.";
const question = "What is the weather in Kiel?";
const harbour = z.object({ name: z.enum(["Kiel", "Bergen"]), isOpen: z.boolean() });

// What every call has. A refused call is not tried again, so that its error is the answer.
const settings = (given) => ({ temperature: 0, maxRetries: 0, ...given });

export async function generate(given) {
  const { text, finishReason, usage, warnings } = await generateText({ prompt, ...settings(given) });
  return { text, finishReason, usage, warnings };
}

export async function stream(given) {
  const result = streamText({ prompt, ...settings(given) });
  const pieces = [];
  for await (const piece of result.textStream) pieces.push(piece);
  return { pieces, finishReason: await result.finishReason, usage: await result.usage };
}

export async function failStream(given) {
  let failure;
  const result = streamText({ prompt, ...settings(given), onError: ({ error }) => (failure = error) });
  await result.consumeStream();
  throw failure;
}

export async function document(given) {
  const { output } = await generateText({ prompt, ...settings(given), output: Output.object({ schema: harbour }) });
  return output;
}

export async function object(given) {
  const { object } = await generateObject({ prompt, ...settings(given), schema: harbour });
  return object;
}

export async function streamDocument(given) {
  let failure;
  const output = Output.object({ schema: harbour });
  const result = streamText({ prompt, ...settings(given), output, onError: ({ error }) => (failure = error) });
  await result.consumeStream();
  if (failure) throw failure;
  return result.output;
}

// Leaves in mid-stream, after the first piece.
export async function leave(given) {
  const controller = new AbortController();
  const result = streamText({ prompt, ...settings(given), abortSignal: controller.signal });
  for await (const piece of result.textStream) {
    controller.abort();
    return piece;
  }
}

export async function parallel({ count, ...given }) {
  const calls = Array.from({ length: count }, () => generateText({ prompt, ...settings(given) }));
  return (await Promise.all(calls)).map(({ text }) => text);
}

const weather = (places) =>
  tool({
    description: "The weather in a place",
    inputSchema: z.object({ place: z.string() }),
    execute: async ({ place }) => {
      places.push(place);
      return `Sunny in ${place}.`;
    },
  });

// The SDK asks, runs the tool, and asks again with what it gave.
export async function act(given) {
  const places = [];
  const tools = { weather: weather(places) };
  const { text, steps } = await generateText({ prompt: question, ...settings(given), tools, stopWhen: isStepCount(2) });
  return { text, places, reasons: steps.map(({ finishReason }) => finishReason) };
}

export async function streamAct(given) {
  const places = [];
  const tools = { weather: weather(places) };
  const result = streamText({ prompt: question, ...settings(given), tools, stopWhen: isStepCount(2) });
  await result.consumeStream();
  const reasons = (await result.steps).map(({ finishReason }) => finishReason);
  return { text: await result.text, places, reasons };
}

export async function think(given) {
  const { text, reasoningText } = await generateText({ prompt, ...settings(given) });
  return { text, reasoningText };
}

export async function streamThink(given) {
  const result = streamText({ prompt, ...settings(given) });
  await result.consumeStream();
  return { text: await result.text, reasoningText: await result.reasoningText };
}
