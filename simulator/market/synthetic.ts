import type { Fixed } from "../core/fixed.ts";
import { nextInt, type Random, randomFrom } from "../core/random.ts";
import { moveMarket } from "../engine/market_moves.ts";
import type { ExchangeState, SymbolRules } from "../engine/model.ts";
import { bookAround, quantityWorth, shifted } from "./book_shape.ts";
import type { MarketSource, TimedMove } from "./source.ts";

const STEP_MS = 1_000;
/** After a long pause the steps are longer, so that catching up takes no longer than this many of them. */
const STEPS_MAX = 600;
/** The largest change of a step (hundredths of a percent). */
const CHANGE_MAX = 4;
/** What trades are worth, in multiples of the smallest order. */
const TRADE_VALUE_MAX = 100;

/** A walk of the price that a seed decides, one step a second. */
export class SyntheticSource implements MarketSource {
  readonly #random: Random;
  readonly #prices: Map<string, { rules: SymbolRules; price: Fixed }>;
  #next: number;

  constructor(state: ExchangeState, seed: number, startMs: number) {
    this.#random = randomFrom(seed, "market");
    this.#next = startMs;
    this.#prices = new Map(
      [...state.markets].map(([symbol, { rules, lastPrice }]) => [symbol, { rules, price: lastPrice }]),
    );
  }

  *take(until: number): Generator<TimedMove> {
    const stepMs = Math.max(STEP_MS, Math.floor((until - this.#next) / STEPS_MAX));
    for (; this.#next <= until; this.#next += stepMs) {
      for (const [symbol, one] of this.#prices) {
        one.price = shifted(one.rules, one.price, nextInt(this.#random, 2 * CHANGE_MAX + 1) - CHANGE_MAX);
        yield* this.#step(symbol, one.rules, one.price, this.#next);
      }
    }
  }

  *#step(symbol: string, rules: SymbolRules, price: Fixed, at: number): Generator<TimedMove> {
    const isBuyerMaker = nextInt(this.#random, 2) === 0;
    yield { at, symbol, move: bookAround(rules, price, isBuyerMaker, this.#random) };
    const quantity = quantityWorth(rules, price, 1 + nextInt(this.#random, TRADE_VALUE_MAX));
    yield { at, symbol, move: { kind: "trade", price, quantity, isBuyerMaker } };
  }
}

/** Gives every market offers and a trade at its last price, so that it can be traded at once. */
export function openMarkets(state: ExchangeState, seed: number, now: number): void {
  const random = randomFrom(seed, "opening");
  for (const market of state.markets.values()) {
    const { rules, lastPrice: price } = market;
    if (market.outside.bids.length + market.outside.asks.length > 0) continue;
    moveMarket(state, market, bookAround(rules, price, true, random), now);
    moveMarket(state, market, {
      kind: "trade",
      price,
      quantity: quantityWorth(rules, price, 1),
      isBuyerMaker: true,
    }, now);
  }
}
