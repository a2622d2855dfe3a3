import assert from "node:assert/strict";
import { checkAdvice } from "../../scripts/lib/gates/advisors.ts";
import { findDrift } from "../../scripts/lib/generate.ts";
import type { Advice } from "../../scripts/lib/supabase_cli.ts";

const generated = [{ path: "supabase/schema.sql", text: "one\ntwo\n" }];

Deno.test("a generated file that is current is fine", () => {
  assert.deepEqual(findDrift(generated, new Map([["supabase/schema.sql", "one\ntwo\n"]])), []);
});

Deno.test("a generated file that was edited, cut or never written is found with the line of the difference", () => {
  const lineOf = (text: string | null) =>
    findDrift(generated, new Map(text === null ? [] : [["supabase/schema.sql", text]]))[0]?.line;
  assert.equal(lineOf("one\nTWO\n"), 2);
  assert.equal(lineOf("one\n"), 2);
  assert.equal(lineOf("one\ntwo\n\n"), 4);
  assert.equal(lineOf(null), 1);
});

const advice = (level: Advice["level"], cacheKey: string): Advice => ({
  name: "lint",
  level,
  detail: "words",
  cacheKey,
});

Deno.test("advice from warning upwards is a finding, information is not", () => {
  const found = checkAdvice([advice("INFO", "a"), advice("WARN", "b"), advice("ERROR", "c")], []);
  assert.deepEqual(found.map(({ message }) => message), ["WARN b: words", "ERROR c: words"]);
});

Deno.test("advice about a schema of the platform is not ours to follow", () => {
  const of = (schema: string) => ({ ...advice("WARN", schema), metadata: { schema } });
  assert.deepEqual(checkAdvice([of("storage"), of("trading")], []).map(({ message }) => message), [
    "WARN trading: words",
  ]);
});

Deno.test("a lint that a test of ours replaces is not repeated", () => {
  assert.deepEqual(checkAdvice([{ ...advice("WARN", "a"), name: "function_search_path_mutable" }], []), []);
});

Deno.test("allowed advice is none, and a stale exception is a finding", () => {
  const allowed = [{ what: "b", reason: "known" }];
  assert.deepEqual(checkAdvice([advice("WARN", "b")], allowed), []);
  assert.match(checkAdvice([], allowed)[0]?.message ?? "", /not needed/);
});
