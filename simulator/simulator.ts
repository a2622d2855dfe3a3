import type { Clock } from "./core/clock.ts";
import { decodeState, encodeState } from "./core/codec.ts";
import { nextId, type Random, randomFrom } from "./core/random.ts";
import { accountOf, openAccount } from "./engine/accounts.ts";
import { newExchange } from "./engine/catalog.ts";
import { type MarketMove, moveMarket } from "./engine/market_moves.ts";
import type { Account, ExchangeState } from "./engine/model.ts";
import { marketOf } from "./engine/orders.ts";
import { deliver, type Delivery } from "./faults/delivery.ts";
import { type FaultRule, Faults } from "./faults/faults.ts";
import { Api } from "./http/api.ts";
import type { ApiKey } from "./http/keys.ts";
import type { WireAnswer, WireRequest } from "./http/wire.ts";
import { type MarketSource, stillSource } from "./market/source.ts";

/** Requests that the log keeps. */
const LOG_KEPT = 10_000;
/** Characters of a request's parameters that the log keeps. */
const PARAMS_KEPT = 2_000;
const STATE_VERSION = 2;
/** Trades and candles of a second that a saved state has of each symbol. */
const TRADES_SAVED = 1_000;
const SECONDS_SAVED = 300;
const KEY_LENGTH = 64;

/** A request as the log remembers it: without signature and key. */
export interface LoggedRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly params: string;
  readonly fault: string | null;
  /** Null: it got no answer. */
  readonly status: number | null;
}

export interface KeyOptions {
  readonly canTrade?: boolean | undefined;
  readonly ips?: readonly string[] | null | undefined;
}

interface Saved {
  readonly version: number;
  readonly exchange: ExchangeState;
  readonly keys: Map<string, ApiKey>;
}

/** The file does not hold a state of this program. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** The whole exchange without its sockets: requests in, deliveries out, in the time of its clock. */
export class Simulator {
  readonly state: ExchangeState;
  readonly keys: Map<string, ApiKey>;
  readonly faults: Faults;
  readonly api: Api;
  /** How far the time that clients are told is ahead of the true one (ms). */
  skewMs = 0;
  source: MarketSource = stillSource;
  log: LoggedRequest[] = [];
  #downUntil = 0;
  #restartCount = 0;
  readonly #random: Random;

  constructor(readonly clock: Clock, readonly seed: number, savedState: string | null = null) {
    const saved = savedState === null ? null : readSaved(savedState);
    this.state = saved?.exchange ?? newExchange(seed);
    this.keys = saved?.keys ?? new Map();
    this.faults = new Faults(seed);
    this.#random = randomFrom(seed ^ this.keys.size, "keys");
    const now = () => this.clock.now();
    this.api = new Api({ state: this.state, keys: this.keys, now, serverTime: () => now() + this.skewMs });
  }

  /**
   * Everything that a restart must not lose, as text for the constructor. Of what others traded only the newest, for
   * nobody is answered while this is written.
   */
  save(): string {
    const markets = new Map([...this.state.markets].map(([symbol, market]) => {
      const [trades, seconds] = [market.trades.slice(-TRADES_SAVED), market.seconds.slice(-SECONDS_SAVED)];
      return [symbol, { ...market, trades, seconds }];
    }));
    const exchange = { ...this.state, markets };
    return encodeState({ version: STATE_VERSION, exchange, keys: this.keys } satisfies Saved);
  }

  openAccount(id: string): Account {
    return this.state.accounts.has(id)
      ? accountOf(this.state, id)
      : openAccount(this.state, id, this.clock.now());
  }

  addKey(accountId: string, options: KeyOptions = {}): ApiKey {
    accountOf(this.state, accountId);
    const key: ApiKey = {
      apiKey: nextId(this.#random, KEY_LENGTH),
      secret: nextId(this.#random, KEY_LENGTH),
      accountId,
      createdAt: this.clock.now(),
      canTrade: options.canTrade ?? true,
      isRevoked: false,
      ips: options.ips === undefined || options.ips === null ? null : [...options.ips],
    };
    this.keys.set(key.apiKey, key);
    return key;
  }

  /** Lets the market catch up with the clock. */
  advance(): void {
    for (const { at, symbol, move } of this.source.take(this.clock.now())) {
      moveMarket(this.state, marketOf(this.state, symbol), move, at);
    }
  }

  move(symbol: string, move: MarketMove): void {
    this.advance();
    moveMarket(this.state, marketOf(this.state, symbol), move, this.clock.now());
  }

  /** Goes away for a while. Books, balances and keys stay; counters and requests under way do not. */
  restart(downMs: number): void {
    this.#restartCount++;
    this.#downUntil = this.clock.now() + downMs;
    this.api.restart();
  }

  /** Takes a request as far as the faults let it come. */
  async handle(request: WireRequest): Promise<Delivery> {
    this.advance();
    if (this.clock.now() < this.#downUntil) return this.#note(request, "restart", { kind: "dropped" });
    const fault = this.faults.draw(request);
    const delivery = fault === null
      ? { kind: "answer" as const, answer: this.api.handle(request) }
      : await this.#handleWith(fault, request);
    return this.#note(request, fault?.kind ?? null, delivery);
  }

  async #handleWith(fault: FaultRule, request: WireRequest): Promise<Delivery> {
    const { kind, isExecuted, ms } = fault;
    if (kind === "request_lost") return { kind: "dropped" };
    if (kind === "restart") {
      this.restart(ms);
      return { kind: "dropped" };
    }
    if (kind === "ban") this.api.ban(request.ip, this.clock.now() + ms);
    if (kind === "clock_skew") return { kind: "answer", answer: this.#handleSkewed(request, ms) };
    const admitted = this.api.admit(request);
    if (!("execute" in admitted)) return { kind: "answer", answer: admitted };
    const restarts = this.#restartCount;
    if (kind === "delay_before") await this.#pause(ms);
    if (restarts !== this.#restartCount) return { kind: "dropped" };
    const answer = isExecuted ? admitted.execute() : null;
    if (kind === "delay_after") await this.#pause(ms);
    return restarts === this.#restartCount ? deliver(fault, admitted, answer) : { kind: "dropped" };
  }

  #handleSkewed(request: WireRequest, ms: number): WireAnswer {
    const before = this.skewMs;
    this.skewMs += ms;
    try {
      return this.api.handle(request);
    } finally {
      this.skewMs = before;
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.clock.sleep(ms);
    this.advance();
  }

  #note({ method, path, query, body }: WireRequest, fault: string | null, delivery: Delivery): Delivery {
    const params = [query, body].filter((part) => part !== "").join("&").replace(/&?signature=[^&]*/, "")
      .slice(0, PARAMS_KEPT);
    const status = delivery.kind === "dropped" ? null : delivery.answer.status;
    this.log.push({ at: this.clock.now(), method, path, params, fault, status });
    if (this.log.length > 2 * LOG_KEPT) this.log = this.log.slice(-LOG_KEPT);
    return delivery;
  }
}

function readSaved(text: string): Saved {
  let saved: Partial<Saved> | null;
  try {
    saved = decodeState(text) as Partial<Saved> | null;
  } catch (error) {
    throw new StateError(`It is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (saved?.version !== STATE_VERSION) {
    throw new StateError(`It is not a state of version ${STATE_VERSION}.`);
  }
  if (!(saved.keys instanceof Map) || !(saved.exchange?.markets instanceof Map)) {
    throw new StateError("It has no keys or no markets.");
  }
  return saved as Saved;
}
