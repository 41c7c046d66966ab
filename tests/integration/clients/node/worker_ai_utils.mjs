// Cloudflare's ai-utils in a Worker: `POST /act` with a model and the settings of `runWithTools`.

import { runWithTools } from "@cloudflare/ai-utils";
import { describe } from "./describe.mjs";

const calls = {
  async act(ai, { model, ...settings }) {
    const places = [];
    const weather = {
      name: "weather",
      description: "The weather in a place",
      parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
      function: async ({ place }) => {
        places.push(place);
        return `Sunny in ${place}.`;
      },
    };
    const messages = [{ role: "user", content: "What is the weather in Kiel?" }];
    const answer = await runWithTools(ai, model, { messages, tools: [weather] }, settings);
    return { places, answer: answer instanceof ReadableStream ? await new Response(answer).text() : answer };
  },
};

export default {
  async fetch(request, env) {
    try {
      const name = new URL(request.url).pathname.slice(1);
      return Response.json({ value: await calls[name](env.AI, await request.json()) });
    } catch (error) {
      return Response.json({ error: describe(error) });
    }
  },
};
