import assert from "node:assert/strict";
import { parseFilters, parseInterest } from "./filters.ts";

const filter = (column: string, op: string, value: string, negate = false) => ({ column, op, value, negate });

Deno.test("filters split at commas outside parentheses and quotes", () => {
  const cases: Record<string, unknown> = {
    "": [],
    "id=eq.1": [filter("id", "eq", "1")],
    "id=gt.0,id=lt.100": [filter("id", "gt", "0"), filter("id", "lt", "100")],
    "id=in.(1,2,3),a=eq.b": [filter("id", "in", "{1,2,3}"), filter("a", "eq", "b")],
    'name=eq."a,b",x=is.null': [filter("name", "eq", "a,b"), filter("x", "is", "null")],
    'name=eq."say \\"hi\\", then",x=eq.1': [filter("name", "eq", 'say "hi", then'), filter("x", "eq", "1")],
    'name=in.("a,b",c)': [filter("name", "in", '{"a,b",c}')],
    "at=gte.2026-11-22T00:00:00.5Z": [filter("at", "gte", "2026-11-22T00:00:00.5Z")],
    "status=not.in.(a,b)": [filter("status", "in", "{a,b}", true)],
    "note=eq.a=b": [filter("note", "eq", "a=b")],
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(parseFilters(text), expected, text);
});

Deno.test("filters with an unknown operator, without one, or with a bare list are refused with the segment", () => {
  for (const text of ["id=foo.1", "id", "id=1", "id=in.1,2", "undefined"]) {
    assert.match(String(parseFilters(text)), /^Error parsing `filter` params: /, text);
  }
});

Deno.test("an interest fills in what is absent and refuses what names nothing", () => {
  assert.deepEqual(parseInterest({ schema: "public" }), {
    event: "*",
    schema: "public",
    table: "*",
    filters: [],
    select: null,
  });
  assert.deepEqual(parseInterest({ table: "t", event: "insert", select: ["a", 1] }), {
    event: "INSERT",
    schema: "public",
    table: "t",
    filters: [],
    select: ["a"],
  });
  assert.match(String(parseInterest({})), /^No subscription params provided/);
  assert.match(
    String(parseInterest({ schema: "public", filter: "a=eq.1" })),
    /needs a `schema` and a `table`/,
  );
});
