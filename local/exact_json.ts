/**
 * JSON numbers with every digit. PostgREST sends `1.10` and 30-digit numerics as PostgreSQL writes them;
 * JavaScript's numbers would round them, and strings would change their type. These values print their digits.
 */

/** A number that JavaScript cannot hold exactly as written; it serialises as the bare digits. */
class ExactNumber {
  readonly #digits: string;

  constructor(digits: string) {
    this.#digits = digits;
  }

  toJSON(): unknown {
    return rawJson(this.#digits);
  }

  toString(): string {
    return this.#digits;
  }
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * A value that serialises as the number PostgreSQL wrote. What JSON has no number for (`NaN`, `Infinity`) stays
 * text, as PostgreSQL's own JSON has it.
 */
export function exactNumber(digits: string): number | string | ExactNumber {
  const approximate = Number(digits);
  if (String(approximate) === digits && Number.isFinite(approximate)) return approximate;
  return JSON_NUMBER.test(digits) ? new ExactNumber(digits) : digits;
}

/** Parses JSON so that serialising it again gives the same digits. */
export function parseExactJson(json: string): unknown {
  return parseWithSource(json, (_key, value, context) => {
    return typeof value === "number" && context.source !== undefined ? exactNumber(context.source) : value;
  });
}

/** Source text of primitives and raw output are in the engine, but not yet in TypeScript's library. */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const { parse: parseWithSource, rawJSON: rawJson } = JSON as unknown as {
  parse(json: string, reviver: SourceReviver): unknown;
  rawJSON(text: string): unknown;
};
