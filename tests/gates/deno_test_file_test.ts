import assert from "node:assert/strict";
import { type DenoTestOptions, runDenoTestFile } from "../../scripts/lib/deno_test_file.ts";
import type { Outcome } from "../../scripts/lib/outcome.ts";

async function runSource(source: string, options: Partial<DenoTestOptions> = {}): Promise<Outcome> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/planted_test.ts`, source);
    await Deno.mkdir(`${directory}/temp`);
    return await runDenoTestFile(`${directory}/planted_test.ts`, {
      tempDir: `${directory}/temp`,
      env: {},
      ...options,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file's passing, failing and ignored tests are counted, and its output is the report", async () => {
  const outcome = await runSource(`
    Deno.test("a", () => {});
    Deno.test("b", () => { throw new Error("planted words"); });
    Deno.test.ignore("c", () => {});`);
  assert.deepEqual([outcome.passed, outcome.failed, outcome.skipped], [1, 1, 1]);
  assert.match(outcome.report.join("\n"), /planted words/);
});

Deno.test("of a file that passes only the notes are reported", async () => {
  const outcome = await runSource(
    `Deno.test("a", () => { console.log("words"); console.log("note: 12 requests"); });`,
  );
  assert.deepEqual(outcome, { passed: 1, failed: 0, skipped: 0, report: ["12 requests"] });
});

Deno.test("a file that cannot be loaded, exits or holds no test is a failure", async () => {
  for (const source of [`throw new Error("load");`, `Deno.exit(0);`, `export {};`]) {
    const outcome = await runSource(source);
    assert.deepEqual([outcome.passed, outcome.failed], [0, 1], source);
  }
});

Deno.test("a file that does not come to an end is ended and named so", async () => {
  const outcome = await runSource(`Deno.test("waits", () => new Promise(() => setInterval(() => {}, 9)));`, {
    deadlineMs: 1_500,
  });
  assert.equal(outcome.failed, 1);
  assert.match(outcome.report.at(-1) ?? "", /did not come to an end/);
});

Deno.test("a file that leaves something in its temporary directory fails, whatever its tests say", async () => {
  const outcome = await runSource(
    `Deno.test("a", async () => { await Deno.makeTempDir({ prefix: "left-" }); });`,
  );
  assert.deepEqual([outcome.passed, outcome.failed], [1, 1]);
  assert.match(outcome.report.join("\n"), /Left behind in TMPDIR: left-/);
});
