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

/** Digits that a double always gives back. */
const CERTAIN_DIGITS = 15;
/** Only a text that holds such a run can hold a number that a double would change. */
const SUSPECT = /[\d.]{16}|\d[eE]/;

/**
 * The same JSON for a reader that has doubles only: a number that a double would round, or cannot reach, becomes the
 * text of its digits, which PostgreSQL takes for a number wherever it expects one. Other text is returned as it is,
 * also what is no JSON.
 */
export function withLongNumbersAsText(json: string): string {
  if (!SUSPECT.test(json)) return json;
  try {
    return JSON.stringify(
      parseWithSource(
        json,
        (_key, value, { source }) =>
          typeof value === "number" && source !== undefined && !isCertain(value, source) ? source : value,
      ),
    );
  } catch {
    return json;
  }
}

function isCertain(value: number, source: string): boolean {
  const digits = source.replace(/[eE].*$/, "").replace(/[-.]/g, "").replace(/^0+|0+$/g, "");
  return Number.isFinite(value) && digits.length <= CERTAIN_DIGITS && (value !== 0 || digits === "");
}

/** Source text of primitives and raw output are in the engine, but not yet in TypeScript's library. */
type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const { parse: parseWithSource, rawJSON: rawJson } = JSON as unknown as {
  parse(json: string, reviver: SourceReviver): unknown;
  rawJSON(text: string): unknown;
};
