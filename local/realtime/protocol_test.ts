import assert from "node:assert/strict";
import fc from "fast-check";
import {
  broadcastOf,
  decodeBinary,
  decodeText,
  encodeBroadcast,
  encodeMessage,
  payloadBytes,
} from "./protocol.ts";

const utf8 = new TextEncoder();

/** A binary push as realtime-js writes it. */
function push(fields: readonly string[], encoding: number, payload: Uint8Array): Uint8Array {
  const parts = fields.map((field) => utf8.encode(field));
  return Uint8Array.from([
    3,
    ...parts.map((part) => part.length),
    encoding,
    ...parts.flatMap((part) => [...part]),
    ...payload,
  ]);
}

Deno.test("a message survives encoding and decoding in both versions", () => {
  const text = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(fc.option(text), text, text, fc.jsonValue(), (ref, topic, event, payload) => {
    for (const version of ["1.0.0", "2.0.0"] as const) {
      const envelope = { joinRef: "1", ref, topic, event };
      const decoded = decodeText(version, encodeMessage(version, envelope, JSON.stringify(payload)));
      const expected = JSON.parse(JSON.stringify({ kind: "message", ...envelope, payload }));
      assert.deepEqual(JSON.parse(JSON.stringify(decoded)), expected);
    }
  }));
});

Deno.test("frames that are not messages decode to null instead of throwing", () => {
  for (const text of ["", "{", "[]", "[1,2,3]", '{"topic":1}', "null", '"x"', "[null,null,1,2,{}]"]) {
    assert.equal(decodeText("2.0.0", text), null, text);
    assert.equal(decodeText("1.0.0", text), null, text);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    const decoded = decodeBinary(bytes);
    assert.ok(decoded === null || decoded.kind === "broadcast");
  }));
});

Deno.test("a numeric ref, as 1.0.0 clients may send, counts as text", () => {
  const decoded = decodeText("1.0.0", '{"topic":"t","event":"e","payload":{},"ref":7,"join_ref":6}');
  assert.deepEqual([decoded!.ref, decoded!.joinRef], ["7", "6"]);
});

Deno.test("a binary push carries JSON text untouched, and bytes", () => {
  const json = push(["1", "2", "realtime:ü", "tick", ""], 1, utf8.encode('{"a":1.50}'));
  assert.deepEqual(decodeBinary(json), {
    kind: "broadcast",
    joinRef: "1",
    ref: "2",
    topic: "realtime:ü",
    broadcast: { event: "tick", content: { json: '{"a":1.50}' } },
  });
  const bytes = decodeBinary(push(["", "", "t", "e", '{"persist":true}'], 0, Uint8Array.of(0, 255)));
  assert.ok(bytes?.kind === "broadcast" && "bytes" in bytes.broadcast.content);
  assert.deepEqual([...bytes.broadcast.content.bytes], [0, 255]);
});

Deno.test("a binary push that claims JSON but holds none, is cut short or is not UTF-8 is refused", () => {
  const whole = push(["1", "2", "t", "e", ""], 1, utf8.encode("{}"));
  assert.notEqual(decodeBinary(whole), null);
  assert.equal(decodeBinary(push(["1", "2", "t", "e", ""], 1, utf8.encode('{"a":'))), null);
  assert.equal(decodeBinary(whole.subarray(0, 9)), null);
  assert.equal(decodeBinary(Uint8Array.of(3, 0, 0, 1, 0, 0, 1, 0xff)), null);
});

Deno.test("a broadcast of JSON is a text frame with its payload verbatim", () => {
  const broadcast = { event: "e", content: { json: '{"a":12345678901234567890.10}' }, id: "7" };
  assert.equal(
    encodeBroadcast("2.0.0", "realtime:t", broadcast),
    '[null,null,"realtime:t","broadcast",{"type":"broadcast","event":"e",' +
      '"payload":{"a":12345678901234567890.10},"meta":{"id":"7"}}]',
  );
});

Deno.test("a broadcast of bytes is a binary frame, which 1.0.0 and over-long names cannot have", () => {
  const broadcast = { event: "ev", content: { bytes: Uint8Array.of(9, 8) } };
  const frame = encodeBroadcast("2.0.0", "ab", broadcast);
  assert.deepEqual(frame, Uint8Array.of(4, 2, 2, 0, 0, ...utf8.encode("abev"), 9, 8));
  assert.equal(encodeBroadcast("1.0.0", "ab", broadcast), null);
  assert.equal(encodeBroadcast("2.0.0", "x".repeat(256), broadcast), null);
});

Deno.test("a broadcast in a text message needs an event; its size counts bytes, not characters", () => {
  assert.equal(broadcastOf({ payload: {} }), null);
  assert.equal(broadcastOf(null), null);
  assert.equal(payloadBytes(broadcastOf({ event: "e", payload: { a: "é" } })!), 10);
});
