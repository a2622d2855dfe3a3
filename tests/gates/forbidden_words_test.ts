import assert from "node:assert/strict";
import { checkWords } from "../../scripts/lib/gates/forbidden_words.ts";

const check = (path: string, text: string) => checkWords([{ path, text }]);

for (
  const [path, text] of [
    ["docs/a.md", "see /work/main for it"],
    ["local/a.ts", `const dir = "/root/x";`],
    ["scripts/a.ts", `const dir = "/tmp/x";`],
    ["README.md", "get it from https://registry.npmjs.org/zod"],
    ["docs/a.md", "as shared/reference/peers.md says"],
    ["tests/a_test.ts", `const data = "shared/data/klines";`],
    ["local/market.ts", `const data = "../shared/data/klines";`],
    ["local/a.ts", "// TODO later"],
    ["docs/a.md", "written by helper T"],
    ["tests/a_test.ts", "Deno.test.only(name, f)"],
    ["dashboard/app.ts", "const key = env.SUPABASE_SECRET_KEY;"],
    ["dashboard/index.html", "sb_secret_abc"],
  ] as const
) {
  Deno.test(`refused in ${path}: ${text}`, () => assert.equal(check(path, text).length, 1));
}

Deno.test("what only looks like a forbidden word is fine", () => {
  assert.deepEqual(
    check("docs/a.md", "network/work/flow, supabase/functions/_shared/design.ts, a helper function"),
    [],
  );
  assert.deepEqual(check("tests/a_test.ts", `new URL("../../../shared/data/klines", import.meta.url)`), []);
  assert.deepEqual(check("README.md", "`--market replay:../shared/data/klines/*.csv`"), []);
  assert.deepEqual(check("scripts/deploy.ts", "SUPABASE_SECRET_KEY"), []);
});

Deno.test("the finding names the line", () => {
  assert.equal(check("local/a.ts", "one\ntwo FIXME\n")[0]?.line, 2);
});
