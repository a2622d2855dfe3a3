import assert from "node:assert/strict";
import { exactNumber, parseExactJson, withLongNumbersAsText } from "./exact_json.ts";

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

Deno.test("a number that a double would change becomes its text, every other value stays", () => {
  const changed: [string, string][] = [
    ['{"a":1e400,"b":[-1E999]}', '{"a":"1e400","b":["-1E999"]}'],
    ['{"a":0.1234567890123456789}', '{"a":"0.1234567890123456789"}'],
    ['{"a":9007199254740993}', '{"a":"9007199254740993"}'],
    ['{"a":1e-400}', '{"a":"1e-400"}'],
  ];
  for (const [json, expected] of changed) assert.equal(withLongNumbersAsText(json), expected);
  for (const json of ['{"a":0.1,"b":"1e400","c":1234567890.12345,"d":null}', "[1e5", "not json 1e9"]) {
    assert.equal(withLongNumbersAsText(json), json);
  }
  assert.equal(withLongNumbersAsText('{"a":1e3,"b":0.00000000000000000}'), '{"a":1000,"b":0}');
});
