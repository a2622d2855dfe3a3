import { type Fixed, floorToStep, maxOf, mul, ONE } from "../core/fixed.ts";
import { nextInt, type Random } from "../core/random.ts";
import { amountOf, filterOf } from "../engine/filter_values.ts";
import type { MarketMove } from "../engine/market_moves.ts";
import type { Level, SymbolRules } from "../engine/model.ts";

const LEVELS = 20;
/** Levels lie up to this share of the price apart. */
const GAP_PARTS = 20_000n;
/** What a level is worth, in multiples of the smallest order that is allowed. */
const LEVEL_VALUE_MIN = 200;
const LEVEL_VALUE_SPREAD = 4_000;

/** The smallest change of a price; where the filter's rule is switched off, the smallest there is. */
export function tickOf(rules: SymbolRules): Fixed {
  return maxOf(amountOf(filterOf(rules, "PRICE_FILTER")!, "tickSize"), 1n);
}

function stepOf(rules: SymbolRules): Fixed {
  return maxOf(amountOf(filterOf(rules, "LOT_SIZE")!, "stepSize"), 1n);
}

/** A quantity that is worth some multiple of the smallest order. */
export function quantityWorth(rules: SymbolRules, price: Fixed, multiple: number): Fixed {
  const notional = amountOf(filterOf(rules, "NOTIONAL")!, "minNotional") * BigInt(multiple);
  return maxOf(floorToStep((notional * ONE) / price, stepOf(rules)), stepOf(rules));
}

/**
 * Offers around a price where nobody recorded any: the best bid or the best ask is at the price, the other one a
 * tick away, and behind them the levels become sparse.
 */
export function bookAround(
  rules: SymbolRules,
  price: Fixed,
  isAtBid: boolean,
  random: Random,
): Extract<MarketMove, { kind: "book" }> {
  const tick = tickOf(rules);
  const gap = Math.max(1, parseInt((price / tick / GAP_PARTS).toString(), 10));
  const bid = isAtBid ? price : price - tick;
  const ask = isAtBid ? price + tick : price;
  return {
    kind: "book",
    bids: levelsFrom(rules, bid, -tick, gap, random),
    asks: levelsFrom(rules, ask, tick, gap, random),
  };
}

function levelsFrom(
  rules: SymbolRules,
  first: Fixed,
  direction: Fixed,
  gap: number,
  random: Random,
): Level[] {
  const levels: Level[] = [];
  for (let price = first; levels.length < LEVELS && price > 0n;) {
    const multiple = LEVEL_VALUE_MIN + nextInt(random, LEVEL_VALUE_SPREAD);
    levels.push({ price, quantity: quantityWorth(rules, price, multiple) });
    price += direction * BigInt(1 + nextInt(random, gap));
  }
  return levels;
}

/** A price on the grid of the symbol's ticks, never zero. */
export function onTick(rules: SymbolRules, price: Fixed): Fixed {
  const tick = tickOf(rules);
  return maxOf(floorToStep(price, tick), tick);
}

/** `price` changed by some ten-thousandths. */
export function shifted(rules: SymbolRules, price: Fixed, basisPoints: number): Fixed {
  return onTick(rules, price + mul(price, BigInt(basisPoints) * (ONE / 10_000n)));
}
