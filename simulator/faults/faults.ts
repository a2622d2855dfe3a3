import { nextChance, type Random, randomFrom } from "../core/random.ts";
import type { Json, WireRequest } from "../http/wire.ts";

interface Fate {
  readonly isExecuted: boolean;
  readonly isOpen: boolean;
}

/** Rules that have done their work and are still listed. */
const SPENT_KEPT = 1_000;

/**
 * What can go wrong with a request, whether the exchange carries it out all the same, and whether a rule may say
 * otherwise, because what the client sees leaves it open.
 */
export const FAULT_KINDS = {
  /** The connection ends before the request reached the exchange. */
  request_lost: { isExecuted: false, isOpen: false },
  /** Carried out, and the connection ends without an answer. */
  answer_lost: { isExecuted: true, isOpen: false },
  /** -1006: an unexpected answer on the message bus. */
  bus_error: { isExecuted: true, isOpen: true },
  /** -1007: the backend did not answer in time. */
  backend_timeout: { isExecuted: true, isOpen: true },
  /** -1001: an internal error. */
  internal_error: { isExecuted: true, isOpen: true },
  /** -1008: too busy. */
  overloaded: { isExecuted: false, isOpen: true },
  /** A 5xx without a JSON body. */
  server_error: { isExecuted: false, isOpen: true },
  /** A page where JSON should be. */
  html: { isExecuted: true, isOpen: true },
  /** The connection ends in the middle of the body. */
  truncated: { isExecuted: true, isOpen: false },
  /** The body stops in the middle and the connection stays. */
  stalled: { isExecuted: true, isOpen: false },
  /** The request takes its time to the matching engine; its timing is checked again there. */
  delay_before: { isExecuted: true, isOpen: false },
  /** Carried out at once, answered late. */
  delay_after: { isExecuted: true, isOpen: false },
  /** The network delivers the request twice. */
  duplicate: { isExecuted: true, isOpen: false },
  /** The server's clock is ahead of itself for this one request. */
  clock_skew: { isExecuted: true, isOpen: false },
  /** A whole answer in which fields are missing, strange, of another type, or that is very long. */
  altered: { isExecuted: true, isOpen: false },
  /** -2013 for an order that is there. */
  not_found: { isExecuted: false, isOpen: false },
  /** 429 with Retry-After. */
  too_many: { isExecuted: false, isOpen: false },
  /** The address is banned: 418 for it from now on. */
  ban: { isExecuted: false, isOpen: false },
  /** The exchange goes away and comes back with its books and without its counters. */
  restart: { isExecuted: false, isOpen: false },
} as const satisfies Readonly<Record<string, Fate>>;
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

  /** Throws a `RangeError` for a fate that its kind does not leave open. */
  add(spec: FaultSpec): FaultRule {
    const { isExecuted, isOpen } = FAULT_KINDS[spec.kind];
    if (!isOpen && spec.isExecuted !== isExecuted) {
      throw new RangeError(`${spec.kind} is ${isExecuted ? "always" : "never"} carried out.`);
    }
    const rule = { ...spec, id: this.#nextId++, hitCount: 0 };
    this.#rules.push(rule);
    this.#forgetSpent();
    return rule;
  }

  /** Every kind that needs no further word, each for the same share of the requests, of all together `share`. */
  addAll(share: number, ms: number): void {
    const kinds = (Object.keys(FAULT_KINDS) as FaultKind[]).filter((kind) => kind !== "altered");
    const each = share / kinds.length;
    kinds.forEach((kind, at) => {
      // A rule is asked only about requests that those before it have let pass.
      const probability = Math.min(1, each / (1 - at * each));
      const { isExecuted } = FAULT_KINDS[kind];
      this.add({ kind, times: null, probability, isExecuted, status: null, ms });
    });
  }

  #forgetSpent(): void {
    const spent = this.#rules.filter(isSpent);
    if (spent.length <= SPENT_KEPT) return;
    const forgotten = new Set(spent.slice(0, -SPENT_KEPT));
    this.#rules = this.#rules.filter((rule) => !forgotten.has(rule));
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
  draw(request: WireRequest): FaultRule | null {
    for (const rule of this.#rules) {
      if (isSpent(rule) || !fits(rule, request) || !nextChance(this.#random, rule.probability)) continue;
      rule.hitCount++;
      return rule;
    }
    return null;
  }
}

function isSpent({ hitCount, times }: FaultRule): boolean {
  return times !== null && hitCount >= times;
}

function fits(rule: FaultRule, { method, path }: WireRequest): boolean {
  if (rule.kind === "not_found" && !(method === "GET" && path === "/api/v3/order")) return false;
  return (rule.method ?? method) === method && (rule.path ?? path) === path;
}
