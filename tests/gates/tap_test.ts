import assert from "node:assert/strict";
import { judgeTap } from "../../scripts/lib/tap.ts";

const judge = (tap: string) => judgeTap(tap.split("\n"));
const counts = (tap: string) => {
  const { passed, failed, skipped } = judge(tap);
  return { passed, failed, skipped };
};

Deno.test("a complete plan of passing assertions passes", () => {
  assert.deepEqual(judge("1..2\nok 1 - a\nok 2"), { passed: 2, failed: 0, skipped: 0, report: [] });
});

Deno.test("a failing assertion is counted and reported with its diagnostics", () => {
  const tap =
    "1..2\nok 1 - a\nnot ok 2 - b\n# Failed test 2\n#   have: 1\n# Looks like you failed 1 test of 2";
  const { passed, failed, report } = judge(tap);
  assert.deepEqual({ passed, failed }, { passed: 1, failed: 1 });
  assert.ok(report.includes("not ok 2 - b") && report.includes("#   have: 1"));
});

Deno.test("an announced failure does not fail the file, a skipped assertion is skipped", () => {
  const tap = "1..3\nok 1\nnot ok 2 - b # TODO later\n# Failed test 2\nok 3 - c # SKIP no network";
  assert.deepEqual(counts(tap), { passed: 2, failed: 0, skipped: 1 });
  assert.deepEqual(judge(tap).report, []);
});

for (
  const [name, tap] of Object.entries({
    "pgTAP's own complaint about the plan": "1..1\nok 1\n# Looks like you planned 5 tests but ran 1",
    "a second plan": "1..1\nok 1 - a\n1..5\nok 1 - a",
    "no plan": "ok 1 - a",
    "no output": "",
    "a plan after the assertions": "ok 1 - a\n1..1",
    "fewer assertions than planned": "1..2\nok 1",
    "more assertions than planned": "1..1\nok 1\nok 2",
    "nothing after the plan": "1..2",
    "a bail out in the middle": "1..2\nok 1 - a\nBail out! line 3: 42P01 no such table",
    "a bail out at once": "Bail out! 42601 syntax error",
  })
) {
  Deno.test(`a file fails by its shape: ${name}`, () => {
    const outcome = judge(tap);
    assert.ok(outcome.failed > 0, JSON.stringify(outcome));
    assert.ok(outcome.report.length > 0);
  });
}

Deno.test("assertions before a bail out are kept", () => {
  assert.deepEqual(counts("1..3\nok 1\nok 2\nBail out! gone"), { passed: 2, failed: 1, skipped: 0 });
});
