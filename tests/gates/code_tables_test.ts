import assert from "node:assert/strict";
import { checkCodes } from "../../scripts/lib/gates/code_tables.ts";

const SQL = `
  perform trading.raise_error('FB409', 'stop_ended', 'it is over', '{}');
  perform trading.raise_error('FB404', p_what || '_not_found', format('there is no such %s', p_what));
  raise exception using
    errcode = 'FB409',
    message = format('table_clash: public.%I exists', v_name);
  return coalesce(trading.follow_up(p_job), trading.wait_for('sale_open', 'it isn''t over'));
  return trading.wait_for(v_check.reason, 'the exchange says no');
`;
const ERRORS = [
  "| `stop_ended`, `table_clash` | FB409 | over |",
  "| `<what>_not_found` | FB404 | not there |",
];
const WAITS = ["| `sale_open` | for a sale |"];

function messages(errors: readonly string[], waits: readonly string[], sql = SQL): string[] {
  const table = (head: string, rows: readonly string[]) => `${head}\n| --- | --- |\n${rows.join("\n")}\n`;
  const text = `${table("| error | state | means |", errors)}\n${table("| wait | for |", waits)}`;
  return checkCodes([
    { path: "supabase/migrations/20260101000000_a.sql", text: sql },
    { path: "docs/operations.md", text },
  ]).map(({ message }) => message);
}

Deno.test("a page that has every code of an error and of a wait is fine", () => {
  assert.deepEqual(messages(ERRORS, WAITS), []);
});

Deno.test("a code without a row is found, however the migration writes it", () => {
  assert.deepEqual(messages([], []), [
    "No table of docs/operations.md has the error stop_ended FB409.",
    "No table of docs/operations.md has the error <what>_not_found FB404.",
    "No table of docs/operations.md has the error table_clash FB409.",
    "No table of docs/operations.md has the wait sale_open.",
  ]);
});

Deno.test("an error under another SQLSTATE, and a row whose code nothing has, are found", () => {
  assert.deepEqual(messages(ERRORS.map((row) => row.replace("FB404", "FB400")), WAITS), [
    "No table of docs/operations.md has the error <what>_not_found FB404.",
  ]);
  assert.deepEqual(messages(ERRORS, [...WAITS, "| `bygone` | for nothing |"]), [
    "No migration has the wait bygone.",
  ]);
});
