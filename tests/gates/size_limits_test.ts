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

Deno.test("a TypeScript function is measured by the lint plugin, nested ones too", () => {
  const source = (count: number) => `export const f = () => {\n${lines(count - 2)}};\n`;
  assert.deepEqual(Deno.lint.runPlugin(plugin, "a.ts", source(FUNCTION_LINES_MAX)), []);
  const [found] = Deno.lint.runPlugin(plugin, "a.ts", source(FUNCTION_LINES_MAX + 1));
  assert.equal(found?.id, "fillbase/function-length");
});
