// The Vercel AI SDK over HTTP. `provider` says how it reaches Paddock, whose address is `url`.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createWorkersAI } from "workers-ai-provider";
import * as calls from "./ai_sdk_calls.mjs";

const providers = {
  // It has no setting for an address.
  "workers-ai-provider": (url) =>
    createWorkersAI({
      accountId: "a",
      apiKey: "any",
      fetch: (input, init) => fetch(String(input).replace("https://api.cloudflare.com", url), init),
    }),
  "@ai-sdk/openai-compatible": (url) =>
    createOpenAICompatible({
      name: "paddock",
      baseURL: `${url}/client/v4/accounts/a/ai/v1`,
      apiKey: "any",
      includeUsage: true,
      supportsStructuredOutputs: true,
    }),
};

function over(call) {
  return ({ provider, url, model, ...given }) => call({ model: providers[provider](url)(model), ...given });
}

export const generate = over(calls.generate);
export const stream = over(calls.stream);
export const failStream = over(calls.failStream);
export const document = over(calls.document);
export const object = over(calls.object);
export const streamDocument = over(calls.streamDocument);
export const leave = over(calls.leave);
export const parallel = over(calls.parallel);
export const act = over(calls.act);
export const streamAct = over(calls.streamAct);
export const think = over(calls.think);
export const streamThink = over(calls.streamThink);
