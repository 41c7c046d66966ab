// The Vercel AI SDK in a Worker, over the AI binding: `POST /generate` with its arguments.

import { createWorkersAI } from "workers-ai-provider";
import * as calls from "./ai_sdk_calls.mjs";
import { describe } from "./describe.mjs";

export default {
  async fetch(request, env) {
    const { model, ...given } = await request.json();
    const workersai = createWorkersAI({ binding: env.AI });
    const call = calls[new URL(request.url).pathname.slice(1)];
    try {
      return Response.json({ value: await call({ model: workersai(model), ...given }) });
    } catch (error) {
      return Response.json({ error: describe(error) });
    }
  },
};
