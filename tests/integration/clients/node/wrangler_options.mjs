// A Worker on Miniflare with the options that wrangler makes of its configuration. Arguments: Paddock's address, a
// model. Prints the Worker's answer.

import { Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";

const [address, model] = process.argv.slice(2);
const remoteProxyConnectionString = new URL(address);
const { workerOptions } = unstable_getMiniflareWorkerOptions("wrangler.jsonc", undefined, {
  remoteProxyConnectionString,
});
const script = `export default {
  fetch: async (request, env) => Response.json(await env.AI.run("${model}", { prompt: "Hello", temperature: 0 })),
};`;
const worker = new Miniflare({ ...workerOptions, modules: true, script, cf: false });
process.stdout.write(await (await worker.dispatchFetch("http://worker/")).text());
await worker.dispose();
