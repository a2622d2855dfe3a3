/** `deno task demo --venue binance`: functions over HTTP, an exchange that is a program of its own, and faults on the way. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

async function demo(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", DEMO, ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("decisions on the Binance venue end with books of zero and a database that is the exchange", async () => {
  const { code, out, err } = await demo("--venue", "binance", "--signals", "8", "--json");
  assert.equal(code, 0, err);
  const { signals, opened, closed, books, facts } = JSON.parse(out);
  assert.equal(signals, 8);
  assert.ok(opened > 0 && opened === closed);
  assert.deepEqual(Object.values(books).filter((count) => count !== 0), []);
  assert.deepEqual(facts.differences, []);
  assert.ok(facts.compared.fills >= 2 * opened, "every position was bought and sold");
  assert.ok(facts.calls_per_market_entry.max <= 3);
});

Deno.test("faults and other scenarios need what they are made for", async () => {
  assert.equal((await demo("--faults", "0.1")).code, 2);
  assert.equal((await demo("--venue", "binance", "--scenario", "risk")).code, 2);
});
