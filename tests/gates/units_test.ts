import assert from "node:assert/strict";
import { failure, type Outcome } from "../../scripts/lib/outcome.ts";
import { runUnits, selectUnits, type Unit } from "../../scripts/lib/units.ts";

const PASSED: Outcome = { passed: 1, failed: 0, skipped: 0, report: [] };
const unit = (
  name: string,
  run: () => Promise<Outcome> = () => Promise.resolve(PASSED),
  isAlone = false,
): Unit => ({
  name,
  isAlone,
  run,
});
const never = new AbortController().signal;

Deno.test("every unit runs once, at most as many at a time as there are jobs", async () => {
  let running = 0;
  let most = 0;
  const run = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running -= 1;
    return PASSED;
  };
  const results = await runUnits(
    ["a", "b", "c", "d", "e"].map((name) => unit(name, run)),
    2,
    () => {},
    never,
  );
  assert.deepEqual(results.map((result) => result.name).sort(), ["a", "b", "c", "d", "e"]);
  assert.equal(most, 2);
});

Deno.test("a unit that wants to be alone runs when all others have ended", async () => {
  const order: string[] = [];
  const noting = (name: string, isAlone: boolean) =>
    unit(name, () => Promise.resolve(PASSED).finally(() => order.push(name)), isAlone);
  await runUnits([noting("alone", true), noting("a", false), noting("b", false)], 2, () => {}, never);
  assert.equal(order.at(-1), "alone");
});

Deno.test("a unit that throws is a failed unit with its words, and the others still run", async () => {
  const results = await runUnits(
    [unit("bad", () => Promise.reject(new Error("no server"))), unit("good")],
    1,
    () => {},
    never,
  );
  assert.deepEqual(results.map((result) => result.failed), [1, 0]);
  assert.deepEqual(results[0]?.report, failure("no server").report);
});

Deno.test("after an interrupt nothing more is started", async () => {
  const abort = new AbortController();
  const results = await runUnits([unit("a"), unit("b")], 1, () => abort.abort(), abort.signal);
  assert.deepEqual(results.map((result) => result.name), ["a"]);
});

Deno.test("filters select by a part of the name, and one that matches nothing is an error", () => {
  const units = [
    unit("tests/attack/rls_test.ts"),
    unit("supabase/tests/halt/stops.test.sql"),
    unit("check/lint"),
  ];
  assert.deepEqual(selectUnits(units, []).length, 3);
  assert.deepEqual(selectUnits(units, ["./tests/attack", "check"]).map((one) => one.name), [
    "tests/attack/rls_test.ts",
    "check/lint",
  ]);
  assert.throws(() => selectUnits(units, ["attack", "atack"]), /No test matches: atack/);
});
