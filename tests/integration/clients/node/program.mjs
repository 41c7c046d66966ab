// Runs a client: `node program.mjs CLIENT` imports the module once, and answers calls on standard input.
//
// A call is a line of JSON, {"name": ..., "arguments": {...}}, and so is its answer: {"value": ...} or
// {"error": ...}, as `describe` has it. What the client prints goes to standard error.

import { createInterface } from "node:readline";
import { describe } from "./describe.mjs";

console.log = console.info = console.debug = console.error;
const client = await import(`./${process.argv[2]}.mjs`);

for await (const line of createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line);
  const answer = await client[name](given).then(
    (value) => ({ value: value ?? null }),
    (error) => ({ error: describe(error) }),
  );
  process.stdout.write(JSON.stringify(answer) + "\n");
}
