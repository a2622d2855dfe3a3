import assert from "node:assert/strict";
import postgres from "postgres";
import { RISK_CASES } from "../../scripts/demo/risk_cases.ts";
import { cloneDatabase } from "../harness/database.ts";

Deno.test("the demo has a case for every rule of risk, and none for a rule that is gone", async () => {
  await using database = await cloneDatabase("risk_cases");
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    const rules = await sql<{ rule: string }[]>`select distinct rule from trading.evaluate_entry('{}')`;
    const cased = new Set(RISK_CASES.map(({ rule }) => rule));
    assert.deepEqual([...cased].sort(), rules.map(({ rule }) => rule).sort());
  } finally {
    await sql.end();
  }
});
