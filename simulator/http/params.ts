import { type Fixed, readFixed } from "../core/fixed.ts";
import { Rejection } from "../engine/rejection.ts";

const CLIENT_ID = /^[a-zA-Z0-9-_]{1,36}$/;
const SYMBOL = /^[A-Z0-9-_.]{1,20}$/;
const AMOUNT_RANGE = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
const INTEGER = /^\d{1,19}$/;

/**
 * The parameters of a request, from query and form body; the query wins. Each is taken once, and what is left at
 * the end is a parameter that the endpoint does not know.
 */
export class Params {
  readonly #values = new Map<string, string>();
  readonly #read = new Set<string>();

  constructor(query: string, body: string) {
    for (const part of [body, query]) {
      const seen = new Set<string>();
      for (const [name, value] of new URLSearchParams(part)) {
        if (seen.has(name)) throw new Rejection(-1101, `Duplicate values for parameter '${name}' detected.`);
        seen.add(name);
        this.#values.set(name, value);
      }
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | null {
    this.#read.add(name);
    return this.#values.get(name) ?? null;
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === null || value === "") {
      throw new Rejection(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
    }
    return value;
  }

  amount(name: string): Fixed | null {
    const text = this.text(name);
    if (text === null) return null;
    const value = readFixed(text);
    if (value === "too_precise") throw new Rejection(-1111, `Parameter '${name}' has too much precision.`);
    if (value === "malformed") throw illegal(name, AMOUNT_RANGE);
    return value;
  }

  requiredAmount(name: string): Fixed {
    this.requiredText(name);
    const value = this.amount(name)!;
    if (value === 0n) throw new Rejection(-1013, `Invalid ${name}.`);
    return value;
  }

  /** A whole number that fits: ids, times, counts. */
  integer(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    if (!INTEGER.test(text)) throw illegal(name, "^[0-9]{1,20}$");
    const value = parseInt(text, 10);
    if (!Number.isSafeInteger(value)) throw new Rejection(-1108, `Parameter '${name}' overflowed.`);
    return value;
  }

  /** How many rows to answer with. */
  limit(otherwise: number, max: number): number {
    return Math.min(Math.max(this.integer("limit") ?? otherwise, 1), max);
  }

  flag(name: string, otherwise: boolean): boolean {
    const text = this.text(name);
    if (text === null) return otherwise;
    const value = text.toLowerCase();
    if (value !== "true" && value !== "false") throw notValid(name);
    return value === "true";
  }

  symbol(): string {
    return checkedSymbol(this.requiredText("symbol"));
  }

  optionalSymbol(): string | null {
    return this.has("symbol") ? this.symbol() : null;
  }

  /** `["BTCUSDT","ETHUSDT"]`. */
  symbols(): string[] | null {
    const text = this.text("symbols");
    if (text === null) return null;
    let list: unknown;
    try {
      list = JSON.parse(text);
    } catch {
      list = null;
    }
    if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) throw notValid("symbols");
    if (new Set(list).size < list.length) {
      throw new Rejection(-1151, "Symbol is present multiple times in the list.");
    }
    return list.map(checkedSymbol);
  }

  clientId(name: string): string | null {
    const text = this.text(name);
    if (text === null || text === "") return null;
    if (!CLIENT_ID.test(text)) throw illegal(name, CLIENT_ID.source);
    return text;
  }

  oneOf<T extends string>(name: string, values: readonly T[], refusal: Rejection): T | null {
    const text = this.text(name);
    if (text === null) return null;
    const found = values.find((value) => value === text);
    if (found === undefined) throw refusal;
    return found;
  }

  /** Throws for a parameter that the request has and its order type does not use. */
  refuse(...names: readonly string[]): void {
    const sent = names.find((name) => this.has(name));
    if (sent !== undefined) throw new Rejection(-1106, `Parameter '${sent}' sent when not required.`);
  }

  /** To be called when everything was taken. */
  finish(): void {
    const [read, sent] = [
      [...this.#values.keys()].filter((name) => this.#read.has(name)).length,
      this.#values.size,
    ];
    if (read === sent) return;
    throw new Rejection(
      -1104,
      `Not all sent parameters were read; read '${read}' parameter(s) but was sent '${sent}'.`,
    );
  }
}

function checkedSymbol(text: string): string {
  if (!SYMBOL.test(text)) throw illegal("symbol", SYMBOL.source);
  return text;
}

export function notValid(name: string): Rejection {
  return new Rejection(-1130, `Data sent for parameter '${name}' is not valid.`);
}

function illegal(name: string, range: string): Rejection {
  return new Rejection(-1100, `Illegal characters found in parameter '${name}'; legal range is '${range}'.`);
}
