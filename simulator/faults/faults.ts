import { nextChance, type Random, randomFrom } from "../core/random.ts";
import type { Json, WireRequest } from "../http/wire.ts";

/** What can go wrong with a request, and whether the exchange carries it out all the same where that is open. */
export const FAULT_KINDS = {
  /** The connection ends before the request reached the exchange. */
  request_lost: { isExecuted: false },
  /** Carried out, and the connection ends without an answer. */
  answer_lost: { isExecuted: true },
  /** -1006: an unexpected answer on the message bus. */
  bus_error: { isExecuted: true },
  /** -1007: the backend did not answer in time. */
  backend_timeout: { isExecuted: true },
  /** -1001: an internal error. */
  internal_error: { isExecuted: true },
  /** -1008: too busy. */
  overloaded: { isExecuted: false },
  /** A 5xx without a JSON body. */
  server_error: { isExecuted: false },
  /** A page where JSON should be. */
  html: { isExecuted: true },
  /** The connection ends in the middle of the body. */
  truncated: { isExecuted: true },
  /** The body stops in the middle and the connection stays. */
  stalled: { isExecuted: true },
  /** The request takes its time to the matching engine; its timing is checked again there. */
  delay_before: { isExecuted: true },
  /** Carried out at once, answered late. */
  delay_after: { isExecuted: true },
  /** The network delivers the request twice. */
  duplicate: { isExecuted: true },
  /** The server's clock is ahead of itself for this one request. */
  clock_skew: { isExecuted: true },
  /** A whole answer in which fields are missing, strange, of another type, or that is very long. */
  altered: { isExecuted: true },
  /** -2013 for an order that is there. */
  not_found: { isExecuted: false },
  /** 429 with Retry-After. */
  too_many: { isExecuted: false },
  /** The address is banned: 418 for it from now on. */
  ban: { isExecuted: false },
  /** The exchange goes away and comes back with its books and without its counters. */
  restart: { isExecuted: false },
} as const satisfies Readonly<Record<string, { readonly isExecuted: boolean }>>;
export type FaultKind = keyof typeof FAULT_KINDS;

/** Fields of an answer, or of each of its rows. */
export type Alteration = Readonly<Record<string, Json>>;

export interface FaultSpec {
  readonly kind: FaultKind;
  /** Requests it can hit; absent: all. */
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  /** How often it hits; null: until it is removed. */
  readonly times: number | null;
  /** Its share of the requests that it can hit. */
  readonly probability: number;
  readonly isExecuted: boolean;
  /** HTTP status, where the kind leaves it open; null: the usual one. */
  readonly status: number | null;
  /** How long: the delay, the stall, the ban, the restart, the skew. */
  readonly ms: number;
  /** What an altered answer says instead, by field; null takes the field away. */
  readonly alter?: Alteration | undefined;
  /** How many bytes of nothing an altered answer has besides. */
  readonly padding?: number | undefined;
}

export interface FaultRule extends FaultSpec {
  readonly id: number;
  readonly hitCount: number;
}

/** The faults that are set, and the dice that decide. */
export class Faults {
  readonly #random: Random;
  #rules: { -readonly [K in keyof FaultRule]: FaultRule[K] }[] = [];
  #nextId = 1;

  constructor(seed: number) {
    this.#random = randomFrom(seed, "faults");
  }

  add(spec: FaultSpec): FaultRule {
    const rule = { ...spec, id: this.#nextId++, hitCount: 0 };
    this.#rules.push(rule);
    return rule;
  }

  /** Every kind that needs no further word, each with its share of `probability`. */
  addAll(probability: number, ms: number): void {
    const kinds = (Object.keys(FAULT_KINDS) as FaultKind[]).filter((kind) => kind !== "altered");
    for (const kind of kinds) {
      const { isExecuted } = FAULT_KINDS[kind];
      this.add({ kind, times: null, probability: probability / kinds.length, isExecuted, status: null, ms });
    }
  }

  remove(id: number): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
    return this.#rules.length < before;
  }

  clear(): void {
    this.#rules = [];
  }

  list(): readonly FaultRule[] {
    return this.#rules;
  }

  /** What happens to a request: the first rule that fits and whose dice say so. */
  draw({ method, path }: WireRequest): FaultRule | null {
    for (const rule of this.#rules) {
      const fits = (rule.method === undefined || rule.method === method) &&
        (rule.path === undefined || rule.path === path) && rule.hitCount < (rule.times ?? Infinity);
      if (!fits || !nextChance(this.#random, rule.probability)) continue;
      rule.hitCount++;
      return rule;
    }
    return null;
  }
}
