import assert from "node:assert/strict";
import { checkSizes, FILE_LINES_MAX, FUNCTION_LINES_MAX } from "../../scripts/lib/gates/size_limits.ts";
import plugin from "../../scripts/lib/lint_plugin.ts";

const lines = (count: number) => "x;\n".repeat(count);
const sqlFunction = (count: number, name = "trading.f") =>
  `create or replace function ${name}() returns void\nlanguage plpgsql\nas $$\n${lines(count - 4)}$$;\n`;

Deno.test("a file of the limit is fine, one line more is found", () => {
  assert.deepEqual(checkSizes([{ path: "local/a.ts", text: lines(FILE_LINES_MAX) }], []), []);
  assert.equal(checkSizes([{ path: "local/a.ts", text: lines(FILE_LINES_MAX + 1) }], []).length, 1);
});

Deno.test("generated files and documents have no limit", () => {
  const files = ["supabase/schema.sql", "docs/a.md"].map((path) => ({ path, text: lines(9_999) }));
  assert.deepEqual(checkSizes(files, []), []);
});

Deno.test("a SQL function of the limit is fine, one line more is found and named with its line", () => {
  const path = "supabase/migrations/20260101000000_a.sql";
  assert.deepEqual(checkSizes([{ path, text: sqlFunction(FUNCTION_LINES_MAX) }], []), []);
  const text = sqlFunction(5, "trading.short") + sqlFunction(FUNCTION_LINES_MAX + 1, "trading.long");
  assert.deepEqual(checkSizes([{ path, text }], []), [
    { path, line: 6, message: "trading.long has 71 lines; 70 at most." },
  ]);
});

Deno.test("an exception takes its finding away, and is itself a finding once nothing needs it", () => {
  const path = "supabase/migrations/20260101000000_a.sql";
  const text = sqlFunction(FUNCTION_LINES_MAX + 1, "trading.long");
  assert.deepEqual(checkSizes([{ path, text }], [{ what: `${path}: trading.long`, reason: "a table" }]), []);
  assert.equal(checkSizes([{ path, text: "" }], [{ what: path, reason: "a table" }]).length, 1);
});

const tsFunction = (count: number) => `() => {\n${lines(count - 2)}}`;
const lint = (path: string, source: string) =>
  Deno.lint.runPlugin(plugin, path, source).map((found) => found.id);

Deno.test("a TypeScript function of the limit is fine, one line more is found, nested ones too", () => {
  assert.deepEqual(lint("a.ts", `export const f = ${tsFunction(FUNCTION_LINES_MAX)};`), []);
  const long = `export const f = ${tsFunction(FUNCTION_LINES_MAX + 1)};`;
  assert.deepEqual(lint("a.ts", long), ["fillbase/function-length"]);
  assert.deepEqual(lint("a_test.ts", long), ["fillbase/function-length"]);
  assert.equal(lint("a.ts", `function outer() {\n${long.replace("export ", "")}\n}`).length, 2);
});

Deno.test("a test is not longer for the steps in it, code is for the functions in it", () => {
  const steps = `const f = () => {\n${`step(${tsFunction(30)});\n`.repeat(5)}};`;
  assert.deepEqual(lint("a_test.ts", steps), []);
  assert.deepEqual(lint("a.ts", steps), ["fillbase/function-length"]);
});
