import assert from "node:assert/strict";
import { measureIdleProcess } from "./idle_memory.ts";
import { parseMemory, readMemory } from "./memory.ts";
import { Troubles } from "./troubles.ts";

Deno.test("resident and own memory are read from the kernel's words, in bytes", () => {
  const status = "Name:\tdeno\nVmRSS:\t   90112 kB\nRssAnon:\t   40960 kB\nRssFile:\t   49152 kB\n";
  assert.deepEqual(parseMemory(status), { resident: 90_112 * 1_024, own: 40_960 * 1_024 });
});

Deno.test("a process that has ended has no memory", () => {
  assert.equal(parseMemory("Name:\tdeno\nState:\tZ (zombie)\n"), null);
  assert.equal(readMemory(2 ** 22 + 1), null);
});

Deno.test({
  name: "an idle process with a worker's packages takes more than a bare one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const [bare, packages] = await Promise.all([measureIdleProcess("bare"), measureIdleProcess("packages")]);
    assert.ok(bare.resident > bare.own && bare.own > bare.heapUsed && bare.heapUsed > 0);
    assert.ok(packages.own > bare.own && packages.heapUsed > bare.heapUsed);
  },
});

Deno.test("of each kind of trouble the first line is shown, and all are counted", () => {
  const shown: string[] = [];
  const troubles = new Troubles((line) => shown.push(line));
  const failed = (job: number) =>
    `execute-trade: {"level":"warning","function":"execute-trade","event":"job_failed","job":${job},"kind":"sync","sqlstate":"FB429"}`;
  troubles.hear(failed(1));
  troubles.hear(failed(2));
  troubles.hear('execute-trade: {"level":"info","event":"invocation_ended"}');
  troubles.hear("execute-trade: killed: over its limit of memory");
  assert.deepEqual(troubles.counts, {
    "execute-trade job_failed sync FB429": 2,
    "execute-trade: killed: over its": 1,
  });
  assert.equal(shown.length, 2);
});
