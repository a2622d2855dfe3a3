import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PgOutputDecoder } from "./pgoutput.ts";

const int16 = (value: number) => [value >> 8, value & 255];
const int32 = (value: number) => [...int16(value >>> 16), ...int16(value & 0xffff)];
const zeroTerminated = (text: string) => [...Buffer.from(text), 0];
const letter = (char: string) => char.charCodeAt(0);
const cell = (value: string | null | undefined) =>
  value === null
    ? [letter("n")]
    : value === undefined
    ? [letter("u")]
    : [letter("t"), ...int32(Buffer.byteLength(value)), ...Buffer.from(value)];
const tuple = (kind: string, cells: readonly (string | null | undefined)[]) => [
  letter(kind),
  ...int16(cells.length),
  ...cells.flatMap(cell),
];

/** A decoder that knows `public.t (id int4 key, name text, big text)` and is in a transaction of a known time. */
function decoder(): PgOutputDecoder {
  const made = new PgOutputDecoder();
  const column = (name: string, type: number, isKey: boolean) => [
    isKey ? 1 : 0,
    ...zeroTerminated(name),
    ...int32(type),
    ...int32(0xffffffff),
  ];
  const relation = [
    ...[
      letter("R"),
      ...int32(42),
      ...zeroTerminated("public"),
      ...zeroTerminated("t"),
      letter("d"),
      ...int16(3),
    ],
    ...[...column("id", 23, true), ...column("name", 25, false), ...column("big", 25, false)],
  ];
  const begin = Buffer.alloc(21);
  begin.write("B");
  begin.writeBigInt64BE(BigInt(Date.UTC(2026, 10, 22) - Date.UTC(2000, 0, 1)) * 1000n + 123_456n, 9);
  assert.equal(made.decode(begin), null);
  assert.equal(made.decode(Buffer.from(relation)), null);
  return made;
}

const change = (type: string, ...parts: number[][]) =>
  Buffer.from([letter(type), ...int32(42), ...parts.flat()]);

Deno.test("an INSERT carries all values as text and the time of its commit", () => {
  const decoded = decoder().decode(change("I", tuple("N", ["1", "ü", null])))!;
  assert.deepEqual([decoded.type, decoded.record, decoded.old], [
    "INSERT",
    { id: "1", name: "ü", big: null },
    {},
  ]);
  assert.equal(decoded.committedAt, Date.UTC(2026, 10, 22, 0, 0, 0, 123));
  assert.deepEqual([decoded.relation.schema, decoded.relation.table], ["public", "t"]);
});

Deno.test("an UPDATE that leaves the key alone shows the key as its old row", () => {
  const decoded = decoder().decode(change("U", tuple("N", ["1", "b", "x"])))!;
  assert.deepEqual([decoded.record.name, decoded.old], ["b", { id: "1" }]);
});

Deno.test("an UPDATE of the key shows the former key, without the columns that a key tuple leaves out", () => {
  const decoded = decoder().decode(change("U", tuple("K", ["1", null, null]), tuple("N", ["2", "b", "x"])))!;
  assert.deepEqual([decoded.record.id, decoded.old], ["2", { id: "1" }]);
});

Deno.test("a large value that did not change comes from the full old row, or is absent", () => {
  const withOld = decoder().decode(
    change("U", tuple("O", ["1", "a", "LARGE"]), tuple("N", ["1", "b", undefined])),
  )!;
  assert.deepEqual(withOld.record, { id: "1", name: "b", big: "LARGE" });
  const without = decoder().decode(change("U", tuple("N", ["1", "b", undefined])))!;
  assert.deepEqual(without.record, { id: "1", name: "b" });
});

Deno.test("a DELETE shows its key, or the whole row with full replica identity", () => {
  assert.deepEqual(decoder().decode(change("D", tuple("K", ["1", null, null])))!.old, { id: "1" });
  assert.deepEqual(decoder().decode(change("D", tuple("O", ["1", "a", null])))!.old, {
    id: "1",
    name: "a",
    big: null,
  });
});

Deno.test("a change of a relation that was never announced is an error, other messages are none", () => {
  assert.throws(() => new PgOutputDecoder().decode(change("I", tuple("N", ["1"]))), /did not announce/);
  for (const type of ["C", "O", "Y", "T", "M"]) assert.equal(decoder().decode(change(type)), null);
});
