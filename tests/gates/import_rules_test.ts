import assert from "node:assert/strict";
import { checkImports } from "../../scripts/lib/gates/import_rules.ts";

const SHARED = "supabase/functions/_shared";
const check = (path: string, text: string) => checkImports([{ path, text }]);

for (
  const [what, path, text] of [
    ["the domain an adapter", `${SHARED}/domain/order.ts`, `import { x } from "../adapters/x.ts";`],
    ["the domain a package", `${SHARED}/domain/order.ts`, `import { z } from "zod";`],
    ["the domain a re-export", `${SHARED}/domain/order.ts`, `export * from "../app/x.ts";`],
    ["the domain, later", `${SHARED}/domain/order.ts`, `const x = await import("../app/x.ts");`],
    ["the domain, over lines", `${SHARED}/domain/order.ts`, `import {\n  a,\n  b,\n} from "../ports/x.ts";`],
    ["a port a contract", `${SHARED}/ports/venue.ts`, `import type { X } from "../contracts/x.ts";`],
    ["a use case an adapter", `${SHARED}/app/enter.ts`, `import { paper } from "../adapters/paper.ts";`],
    ["a use case a contract's value", `${SHARED}/app/enter.ts`, `import { x } from "../contracts/x.ts";`],
    ["the simulator our domain", "simulator/match.ts", `import { d } from "../${SHARED}/domain/d.ts";`],
    ["the simulator a client of the exchange", "simulator/match.ts", `import ccxt from "ccxt";`],
    ["a script the simulator", "scripts/demo.ts", `import { Simulator } from "../simulator/simulator.ts";`],
    ["the local platform the simulator", "local/stack.ts", `import "../simulator/simulator.ts";`],
    ["a function the local platform", "supabase/functions/metrics/index.ts", `import "../../../local/x.ts";`],
    ["the platform a function's code", "local/gateway.ts", `import "../${SHARED}/domain/x.ts";`],
    ["the page a server's package", "dashboard/main.ts", `import postgres from "postgres";`],
  ] as const
) {
  Deno.test(`an import across a border is found: ${what}`, () => {
    assert.equal(check(path, text).length, 1);
  });
}

Deno.test("imports along the arrows are fine", () => {
  assert.deepEqual(check(`${SHARED}/domain/a.ts`, `import { D } from "decimal.js";\nimport "./b.ts";`), []);
  assert.deepEqual(check(`${SHARED}/app/a.ts`, `import type { X } from "../contracts/x.ts";`), []);
  assert.deepEqual(
    check(`${SHARED}/adapters/a.ts`, `import ccxt from "ccxt";\nimport "../domain/b.ts";`),
    [],
  );
  assert.deepEqual(check(`${SHARED}/contracts/a.ts`, `import { z } from "npm:zod@4.6.7/mini";`), []);
  assert.deepEqual(check("local/market/feed.ts", `import "../../${SHARED}/domain/x.ts";`), []);
  assert.deepEqual(
    check("scripts/a.ts", `import "../tests/harness/cluster.ts";\nimport "../local/x.ts";`),
    [],
  );
  assert.deepEqual(check("simulator/a.ts", `import { createHmac } from "node:crypto";`), []);
});

Deno.test("a test beside the code may import what it needs", () => {
  assert.deepEqual(check(`${SHARED}/domain/a_test.ts`, `import fc from "fast-check";`), []);
});

Deno.test("the finding names the line", () => {
  const text = `// one\nimport { a } from "./a.ts";\nimport { x } from "../app/x.ts";\n`;
  assert.equal(check(`${SHARED}/domain/order.ts`, text)[0]?.line, 3);
});
