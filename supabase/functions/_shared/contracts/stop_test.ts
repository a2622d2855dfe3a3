import assert from "node:assert/strict";
import { stopBody, stopRecord } from "./stop.ts";

const ID = "11111111-1111-4111-8111-111111111111";
const GOOD = { scope: "trader", id: ID, mode: "halt", reason: "it went mad" };

Deno.test("a stop's body is read, its reason trimmed, what is left out null", () => {
  const wish = { scope: "user", id: null, mode: "halt_and_flatten", reason: "why", requestId: null };
  assert.deepEqual(stopBody.parse({ scope: "user", mode: "halt_and_flatten", reason: " why\n" }), wish);
  assert.equal(stopBody.parse({ ...GOOD, request_id: ID }).requestId, ID);
});

for (
  const [what, body] of [
    ["no object", []],
    ["no scope", { ...GOOD, scope: undefined }],
    ["an unknown scope", { ...GOOD, scope: "planet" }],
    ["an id that is none", { ...GOOD, id: "1" }],
    ["no mode", { ...GOOD, mode: undefined }],
    ["an unknown mode", { ...GOOD, mode: "panic" }],
    ["no reason", { ...GOOD, reason: "  " }],
    ["a reason that is a book", { ...GOOD, reason: "x".repeat(501) }],
    ["a reason with NUL in it", { ...GOOD, reason: "a\0b" }],
    ["a misspelt field", { ...GOOD, flatten: true }],
    ["a request id that is none", { ...GOOD, request_id: 7 }],
  ] as const
) {
  Deno.test(`a stop's body with ${what} is refused`, () => {
    assert.equal(stopBody.safeParse(body).success, false);
  });
}

Deno.test("an answer keeps fields that we do not know", () => {
  assert.deepEqual(stopRecord.parse({ stop_id: ID, later: 1 }), { stop_id: ID, later: 1 });
});
