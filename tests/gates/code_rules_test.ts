import assert from "node:assert/strict";
import { checkCode } from "../../scripts/lib/gates/code_rules.ts";

const DOMAIN = "supabase/functions/_shared/domain/size.ts";
const MIGRATION = "supabase/migrations/20260101000000_x.sql";
const check = (text: string, path = DOMAIN) => checkCode([{ path, text }], []);

for (
  const line of [
    "const a = parseFloat(price);",
    "const a = Number(price);",
    "return price.toFixed(2);",
    "return quantity.toNumber();",
    "const fee = row.fee || 0;",
    "const now = Date.now();",
    "const now = new Date();",
    "const id = crypto.randomUUID();",
    "const x = Math.random();",
    "await fetch(url);",
    'const key = Deno.env.get("KEY");',
  ]
) {
  Deno.test(`pure code is refused: ${line}`, () => assert.equal(check(line).length, 1));
}

Deno.test("the same lines are nobody's business in comments, tests, adapters and other words", () => {
  assert.deepEqual(check("// parseFloat(price) rounds\n/* Number(x)\n Date.now() */\nconst a = 1;"), []);
  assert.deepEqual(check("parseFloat(x)", DOMAIN.replace(".ts", "_test.ts")), []);
  assert.deepEqual(check("Date.now()", "supabase/functions/_shared/adapters/clock.ts"), []);
  assert.deepEqual(check("const x = toNumber(a); clock.fetch(b); z.Number(c); new Date(ms);"), []);
});

Deno.test("floating point in a migration is found, in its comments and texts it is not", () => {
  assert.equal(check("create table t (price double precision);", MIGRATION).length, 1);
  assert.equal(check("select x::float8;", MIGRATION).length, 1);
  assert.deepEqual(
    check("-- a real exchange\ncomment on table t is 'never a float';\nselect 1;", MIGRATION),
    [],
  );
});

Deno.test("an exception covers its line only, and is itself a finding once nothing needs it", () => {
  const allowed = [{ what: `${DOMAIN}: Number(levels`, reason: "a count" }];
  const text = "const n = Number(levels);\nconst p = Number(price);";
  assert.deepEqual(checkCode([{ path: DOMAIN, text }], allowed).map((finding) => finding.line), [2]);
  const stale = checkCode([{ path: DOMAIN, text: "const n = 1;" }], allowed);
  assert.match(stale[0]?.message ?? "", /not needed/);
});
