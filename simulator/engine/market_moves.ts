import type { Fixed } from "../core/fixed.ts";
import { shortenQueues } from "./book.ts";
import { takeFromUs } from "./matching.ts";
import type { ExchangeState, Level, Market } from "./model.ts";
import { publishTrade } from "./public_trades.ts";
import { settle } from "./settle.ts";

/** What the rest of the market does: new offers, or a trade of which our orders may have their part. */
export type MarketMove =
  | {
    readonly kind: "book";
    readonly bids: readonly Readonly<Level>[];
    readonly asks: readonly Readonly<Level>[];
  }
  | {
    readonly kind: "trade";
    readonly price: Fixed;
    readonly quantity: Fixed;
    readonly isBuyerMaker: boolean;
  };

/** Applies a move, and everything that follows from it. A market that does not trade stands as it is. */
export function moveMarket(state: ExchangeState, market: Market, move: MarketMove, now: number): void {
  if (market.rules.status !== "TRADING") return;
  if (move.kind === "book") replaceBook(state, market, move.bids, move.asks, now);
  else tradeOutside(state, market, move, now);
  settle(state, market, now);
}

/** New offers that cross our orders take them first, at our price: we were there before. */
function replaceBook(
  state: ExchangeState,
  market: Market,
  bids: readonly Readonly<Level>[],
  asks: readonly Readonly<Level>[],
  now: number,
): void {
  market.lastUpdateId++;
  market.outside.bids = inOrder(bids, -1n);
  market.outside.asks = inOrder(asks, 1n);
  shortenQueues(market, "BUY");
  shortenQueues(market, "SELL");
  for (const [side, levels] of [["BUY", market.outside.asks], ["SELL", market.outside.bids]] as const) {
    for (const level of levels) {
      const traded = takeFromUs(state, market, side, level.price, level.quantity, now);
      level.quantity -= traded;
      if (traded === 0n) break;
    }
  }
  market.outside.asks = market.outside.asks.filter(({ quantity }) => quantity > 0n);
  market.outside.bids = market.outside.bids.filter(({ quantity }) => quantity > 0n);
}

/** Offers as the book has them: best first, which is the lowest where `sign` is above zero, and none that is empty. */
function inOrder(levels: readonly Readonly<Level>[], sign: 1n | -1n): Level[] {
  return levels.filter(({ quantity }) => quantity > 0n).map((level) => ({ ...level }))
    .sort((a, b) => Number(sign * (a.price - b.price)));
}

/** A trade at a price: orders of ours that are better were in its way, at its price the queue decides. */
function tradeOutside(
  state: ExchangeState,
  market: Market,
  { price, quantity, isBuyerMaker }: Extract<MarketMove, { kind: "trade" }>,
  now: number,
): void {
  const ours = takeFromUs(state, market, isBuyerMaker ? "BUY" : "SELL", price, quantity, now);
  if (ours < quantity) publishTrade(market, { price, quantity: quantity - ours, at: now, isBuyerMaker });
}
