/**
 * Decoder of the `pgoutput` logical replication format, protocol version 1, text mode. Values stay the text that
 * Postgres wrote: no digit of a numeric and no microsecond of a timestamp is lost on the way.
 */
import type { Buffer } from "node:buffer";

/** A column as the log describes it; `isKey` marks the replica identity. */
export interface WalColumn {
  readonly name: string;
  readonly type: number;
  readonly isKey: boolean;
}

/** A table as the log describes it. */
export interface WalRelation {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly WalColumn[];
}

/** Values by column name in text form. A column whose large value did not change is absent. */
export type WalRow = Readonly<Record<string, string | null>>;

/** One row change of a committed transaction. */
export interface WalChange {
  readonly type: "INSERT" | "UPDATE" | "DELETE";
  readonly relation: WalRelation;
  /** Commit time in milliseconds since 1970. */
  readonly committedAt: number;
  /** The transaction's 32-bit id. */
  readonly transaction: number;
  /** The new row; empty for DELETE. */
  readonly record: WalRow;
  /** The old row as far as the replica identity carries it; empty for INSERT. */
  readonly old: WalRow;
}

const EPOCH_2000_MS = Date.UTC(2000, 0, 1);
const NULL = "n".charCodeAt(0);
const UNCHANGED = "u".charCodeAt(0);

/** Decodes one replication session; keeps the relations that the session announced. */
export class PgOutputDecoder {
  readonly #relations = new Map<number, WalRelation>();
  #committedAt = 0;
  #transaction = 0;

  /** Reads one message; returns a change for row messages and null for the rest (begin, relation, commit, …). */
  decode(message: Buffer): WalChange | null {
    const cursor = new Cursor(message);
    switch (String.fromCharCode(cursor.byte())) {
      case "B":
        cursor.skip(8);
        this.#committedAt = EPOCH_2000_MS + Number(cursor.int64() / 1000n);
        this.#transaction = cursor.int32() >>> 0;
        return null;
      case "R": {
        const relation = readRelation(cursor);
        this.#relations.set(relation.oid, relation);
        return null;
      }
      case "I":
        return this.#change("INSERT", cursor);
      case "U":
        return this.#change("UPDATE", cursor);
      case "D":
        return this.#change("DELETE", cursor);
      default:
        return null;
    }
  }

  #change(type: WalChange["type"], cursor: Cursor): WalChange {
    const oid = cursor.int32();
    const relation = this.#relations.get(oid);
    if (relation === undefined) throw new Error(`the log changes relation ${oid}, which it did not announce`);
    let record: WalRow = {};
    let old: WalRow | null = null;
    while (!cursor.isAtEnd) {
      const part = String.fromCharCode(cursor.byte());
      if (part === "N") record = readRow(cursor, relation.columns);
      else old = onlyCarried(readRow(cursor, relation.columns), relation.columns, part === "K");
    }
    // an UPDATE that leaves the key alone carries no old row: its key is the new row's
    if (type === "UPDATE") old ??= onlyCarried(record, relation.columns, true);
    record = type === "UPDATE" ? { ...old, ...record } : record;
    return {
      type,
      relation,
      committedAt: this.#committedAt,
      transaction: this.#transaction,
      record,
      old: old ?? {},
    };
  }
}

function readRelation(cursor: Cursor): WalRelation {
  const oid = cursor.int32();
  const schema = cursor.string() || "pg_catalog";
  const table = cursor.string();
  cursor.skip(1); // replica identity setting: the columns' flags say the same
  const columns = Array.from({ length: cursor.int16() }, () => {
    const isKey = cursor.byte() === 1;
    const name = cursor.string();
    const type = cursor.int32();
    cursor.skip(4); // type modifier: values in the log already conform to it
    return { name, type, isKey };
  });
  return { oid, schema, table, columns };
}

function readRow(cursor: Cursor, columns: readonly WalColumn[]): WalRow {
  const row: Record<string, string | null> = {};
  const count = cursor.int16();
  for (let index = 0; index < count; index++) {
    const kind = cursor.byte();
    const name = columns[index]!.name;
    if (kind === NULL) row[name] = null;
    else if (kind !== UNCHANGED) row[name] = cursor.text(cursor.int32());
  }
  return row;
}

/** In a key tuple the other columns are written as null: they are unknown, not null. */
function onlyCarried(row: WalRow, columns: readonly WalColumn[], isKeyOnly: boolean): WalRow {
  if (!isKeyOnly) return row;
  return Object.fromEntries(
    columns.filter((column) => column.isKey && column.name in row).map(({ name }) => [name, row[name]!]),
  );
}

class Cursor {
  #offset = 0;
  constructor(readonly buffer: Buffer) {}

  get isAtEnd(): boolean {
    return this.#offset >= this.buffer.length;
  }

  skip(bytes: number): void {
    this.#offset += bytes;
  }

  byte(): number {
    return this.buffer.readUInt8(this.#offset++);
  }

  int16(): number {
    this.#offset += 2;
    return this.buffer.readUInt16BE(this.#offset - 2);
  }

  int32(): number {
    this.#offset += 4;
    return this.buffer.readUInt32BE(this.#offset - 4);
  }

  int64(): bigint {
    this.#offset += 8;
    return this.buffer.readBigInt64BE(this.#offset - 8);
  }

  string(): string {
    const end = this.buffer.indexOf(0, this.#offset);
    const text = this.buffer.toString("utf8", this.#offset, end);
    this.#offset = end + 1;
    return text;
  }

  text(bytes: number): string {
    this.#offset += bytes;
    return this.buffer.toString("utf8", this.#offset - bytes, this.#offset);
  }
}
