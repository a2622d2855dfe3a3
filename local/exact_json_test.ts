import assert from "node:assert/strict";
import { exactNumber, parseExactJson } from "./exact_json.ts";

Deno.test("a number is serialised with the digits PostgreSQL wrote", () => {
  for (
    const digits of ["1.10", "0.00000001", "12345678901234567890.123456789", "9007199254740993", "-0.50", "7"]
  ) {
    assert.equal(JSON.stringify({ value: exactNumber(digits) }), `{"value":${digits}}`);
  }
});

Deno.test("a number that JavaScript holds exactly stays a JavaScript number", () => {
  assert.equal(exactNumber("1.5"), 1.5);
  assert.equal(exactNumber("-3"), -3);
});

Deno.test("what JSON has no number for stays text", () => {
  assert.equal(JSON.stringify([exactNumber("NaN"), exactNumber("-Infinity")]), '["NaN","-Infinity"]');
});

Deno.test("nested JSON keeps its digits through a round trip", () => {
  const json = '{"a":1.10,"b":[9007199254740993,{"c":1e400,"d":"1.10"}],"e":null}';
  assert.equal(JSON.stringify(parseExactJson(json)), json);
});
