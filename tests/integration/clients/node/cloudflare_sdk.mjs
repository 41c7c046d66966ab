// Cloudflare's SDK for TypeScript. `url` is Paddock's address in every call.

import { readFile } from "node:fs/promises";

import Cloudflare from "cloudflare";

const account_id = "a";

// A refused call is not tried again unless a test says so, so that its error is the answer.
function client(url, apiToken = "any", maxRetries = 0) {
  return new Cloudflare({ baseURL: `${url}/client/v4`, apiToken, maxRetries });
}

async function names(list) {
  const found = [];
  for await (const item of list) found.push(item.name);
  return found;
}

export async function run({ url, model, token, max_retries, ...inputs }) {
  return client(url, token, max_retries).ai.run(model, { account_id, ...inputs });
}

export async function models({ url, ...filters }) {
  return names(client(url).ai.models.list({ account_id, ...filters }));
}

export async function schema({ url, model }) {
  return (await client(url).ai.models.schema.get({ account_id, model })).input;
}

// Creates a finetune, fills it with the files of a folder, and lists the names that there are.
export async function finetune({ url, model, name, folder }) {
  const { finetunes } = client(url).ai;
  const made = await finetunes.create({ account_id, model, name });
  for (const file_name of ["adapter_config.json", "adapter_model.safetensors"]) {
    const file = new File([await readFile(`${folder}/${file_name}`)], file_name);
    await finetunes.assets.create(made.id, { account_id, file, file_name });
  }
  return (await finetunes.list({ account_id })).map((row) => row.name);
}

export async function tasks({ url }) {
  return names(client(url).ai.tasks.list({ account_id }));
}

export async function authors({ url }) {
  return names(client(url).ai.authors.list({ account_id }));
}

export async function formats({ url }) {
  const found = [];
  for await (const item of client(url).ai.toMarkdown.supported({ account_id })) found.push(item.extension);
  return found;
}

export async function convert({ url, files }) {
  const file = { files: files.map(({ name, text, type }) => new File([text], name, { type })) };
  const found = [];
  for await (const result of client(url).ai.toMarkdown.transform({ account_id, file })) found.push(result);
  return found;
}

export async function parallel({ url, count, model, ...inputs }) {
  const cloudflare = client(url);
  const calls = Array.from({ length: count }, () => cloudflare.ai.run(model, { account_id, ...inputs }));
  return (await Promise.all(calls)).map(({ response }) => response);
}
