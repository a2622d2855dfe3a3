import assert from "node:assert/strict";
import { checkMigrations } from "../../scripts/lib/gates/migration_headers.ts";

const HEADER = "-- Purpose: a table.\n-- Locks:   none.\n\ncreate table t ();\n";
const messages = (files: Record<string, string>) =>
  checkMigrations(
    Object.entries(files).map(([name, text]) => ({ path: `supabase/migrations/${name}`, text })),
  )
    .map((finding) => finding.message);

Deno.test("a migration with a name, a purpose and its locks is fine", () => {
  assert.deepEqual(messages({ "20260101000000_add_table.sql": HEADER }), []);
});

Deno.test("a header without purpose or locks is found, also when they stand further down", () => {
  assert.equal(messages({ "20260101000000_a.sql": "-- Purpose: a table.\n" }).length, 1);
  assert.equal(messages({ "20260101000000_a.sql": `create table t ();\n${HEADER}` }).length, 2);
});

Deno.test("a name without a version or topic is found", () => {
  assert.equal(messages({ "0001_a.sql": HEADER }).length, 1);
  assert.equal(messages({ "20260101000000_Add-Table.sql": HEADER }).length, 1);
});

Deno.test("two migrations of one version are found", () => {
  assert.match(
    messages({ "20260101000000_a.sql": HEADER, "20260101000000_b.sql": HEADER }).join(),
    /version of supabase\/migrations\/20260101000000_a\.sql/,
  );
});
