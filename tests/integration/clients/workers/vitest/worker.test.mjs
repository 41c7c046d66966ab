import { SELF } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

const PHI = "@cf/microsoft/phi-2";

test("the binding answers", async () => {
  const answer = await env.AI.run(PHI, { prompt: "Tell me about lighthouses.", temperature: 0 });
  expect(answer.response).toContain("lighthouses");
  expect(answer.usage.completion_tokens).toBeGreaterThan(5);
});

test("the Worker streams", async () => {
  const text = await (await SELF.fetch("http://worker/")).text();
  expect(text).toContain('data: {"response":');
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("a failure is production's exception", async () => {
  await expect(env.AI.run("@cf/x/y", { prompt: "x" })).rejects.toThrow("5007: No such model @cf/x/y or task");
});

test("the catalog is listed", async () => {
  expect((await env.AI.models({ search: "phi-2" })).map(({ name }) => name)).toEqual([PHI]);
});
