import { div, type Fixed, floorToStep, minOf, mul } from "../core/fixed.ts";
import { accountOf, addTo, changeFree } from "./accounts.ts";
import { bestOffer, type Offer, offersAgainst, opposite, outsideAgainst, restOrder } from "./book.ts";
import { commissionOf } from "./commission.ts";
import { amountOf, filterOf } from "./filter_values.ts";
import { releaseSpare, spendHeld } from "./holds.ts";
import { noteEnded, noteExecuted } from "./lists.ts";
import type { ExchangeState, ExpiryReason, Market, Order, Side } from "./model.ts";
import { changeOrder, endOrder, isMarketType, isOpen, remainingOf } from "./orders.ts";
import { publishTrade } from "./public_trades.ts";
import { preventSelfTrade } from "./self_trade.ts";

/** What a taker would get and pay if it took its whole quantity now. */
export interface Estimate {
  readonly quantity: Fixed;
  readonly quote: Fixed;
}

/** Executes a new or triggered order against the book, then lets the rest stand or expire as its kind says. */
export function workOrder(state: ExchangeState, market: Market, order: Order, now: number): void {
  const limit = isMarketType(order) ? null : order.price;
  changeOrder(state, order, { workingAt: now }, now);
  if (order.timeInForce === "FOK" && estimate(market, order, limit).quantity < remainingOf(order)) {
    return expire(state, order, "UNFILLED_FOK_ORDER_EXPIRED", now);
  }
  while (isOpen(order)) {
    const offer = bestOffer(market, order.side, limit);
    if (offer === null) break;
    if (isSelfTrade(order, offer)) {
      preventSelfTrade(state, market, order, offer.maker!, now);
      continue;
    }
    const quantity = minOf(offer.quantity, wantedAt(market, order, offer.price));
    if (quantity <= 0n) break;
    trade(state, market, {
      taker: order,
      maker: offer.maker,
      takerSide: order.side,
      price: offer.price,
      quantity,
    }, now);
  }
  standOrExpire(state, market, order, now);
  releaseSpare(state, order);
}

function standOrExpire(state: ExchangeState, market: Market, order: Order, now: number): void {
  if (!isOpen(order)) return;
  const isSpent = order.quoteQuantity > 0n &&
    (order.executedQuote === order.quoteQuantity || bestOffer(market, order.side, null) !== null);
  if (isSpent) return changeOrder(state, order, { quantity: order.executed, status: "FILLED" }, now);
  if (isMarketType(order)) expire(state, order, "INSUFFICIENT_LIQUIDITY", now);
  else if (order.timeInForce === "IOC") expire(state, order, "UNFILLED_IOC_QUANTITY_EXPIRED", now);
  else restOrder(market, order);
}

/** Ends an order that the exchange gives up on, and what depends on it. */
export function expire(state: ExchangeState, order: Order, reason: ExpiryReason, now: number): void {
  endOrder(state, order, "EXPIRED", reason, now);
  noteEnded(state, order, now);
  releaseSpare(state, order);
}

/** Own orders are left out where self-trade prevention will not let them trade: they are never part of it. */
export function estimate(market: Market, order: Order, limit: Fixed | null): Estimate {
  let [quantity, quote] = [0n, 0n];
  for (const offer of offersAgainst(market, order.side, limit)) {
    if (isSelfTrade(order, offer)) continue;
    const wanted = order.quoteQuantity > 0n
      ? quantityFor(market, order.quoteQuantity - quote, offer.price)
      : remainingOf(order) - quantity;
    const taken = minOf(offer.quantity, wanted);
    if (taken <= 0n) break;
    quantity += taken;
    quote += mul(offer.price, taken);
  }
  return { quantity, quote };
}

function isSelfTrade(taker: Order, { maker }: Offer): boolean {
  return maker !== null && maker.accountId === taker.accountId && taker.stpMode !== "NONE";
}

function wantedAt(market: Market, order: Order, price: Fixed): Fixed {
  if (order.quoteQuantity === 0n) return remainingOf(order);
  return quantityFor(market, order.quoteQuantity - order.executedQuote, price);
}

/** The whole lots that an amount of the quote asset buys. */
function quantityFor({ rules }: Market, quote: Fixed, price: Fixed): Fixed {
  const lot = filterOf(rules, "LOT_SIZE");
  return floorToStep(div(quote, price), lot === null ? 0n : amountOf(lot, "stepSize"));
}

interface Deal {
  /** Null: the rest of the market. */
  readonly taker: Order | null;
  readonly maker: Order | null;
  readonly takerSide: Side;
  readonly price: Fixed;
  readonly quantity: Fixed;
}

function trade(state: ExchangeState, market: Market, deal: Deal, now: number): void {
  const { taker, maker, takerSide, price, quantity } = deal;
  const tradeId = publishTrade(market, { price, quantity, at: now, isBuyerMaker: takerSide === "SELL" });
  if (maker === null) takeFromOutside(market, takerSide, price, quantity);
  for (const [order, isMaker] of [[maker, true], [taker, false]] as const) {
    const side = isMaker ? opposite(takerSide) : takerSide;
    if (order === null) payOutside(state, market, side, price, quantity);
    else execute(state, market, order, { tradeId, price, quantity, isMaker }, now);
  }
}

function takeFromOutside(market: Market, takerSide: Side, price: Fixed, quantity: Fixed): void {
  const levels = outsideAgainst(market, takerSide);
  const at = levels.findIndex((level) => level.price === price);
  const level = levels[at];
  if (level === undefined) return;
  level.quantity -= quantity;
  if (level.quantity <= 0n) levels.splice(at, 1);
  market.lastUpdateId++;
}

/** The rest of the market was on `side` of a trade: what it gave came into this exchange. */
function payOutside(
  state: ExchangeState,
  { rules }: Market,
  side: Side,
  price: Fixed,
  quantity: Fixed,
): void {
  const sign = side === "SELL" ? 1n : -1n;
  addTo(state.outsideFlow, rules.baseAsset, sign * quantity);
  addTo(state.outsideFlow, rules.quoteAsset, -sign * mul(price, quantity));
}

interface Fill {
  readonly tradeId: number;
  readonly price: Fixed;
  readonly quantity: Fixed;
  readonly isMaker: boolean;
}

function execute(state: ExchangeState, market: Market, order: Order, fill: Fill, now: number): void {
  const { price, quantity, isMaker } = fill;
  const { baseAsset, quoteAsset } = market.rules;
  const quote = mul(price, quantity);
  const isBuyer = order.side === "BUY";
  const account = accountOf(state, order.accountId);
  spendHeld(state, order, isBuyer ? quote : quantity);
  changeFree(account, isBuyer ? baseAsset : quoteAsset, isBuyer ? quantity : quote);
  const rate = isMaker ? account.makerRate : account.takerRate;
  const commission = commissionOf(state, market, account, { side: order.side, quantity, quote, rate });
  changeFree(account, commission.asset, -commission.amount);
  addTo(state.fees, commission.asset, commission.amount);
  account.updatedAt = now;
  market.executions.push({
    symbol: order.symbol,
    ...fill,
    orderId: order.orderId,
    listId: order.listId,
    accountId: order.accountId,
    quote,
    commission: commission.amount,
    commissionAsset: commission.asset,
    at: now,
    isBuyer,
    readLagMs: order.readLagMs,
  });
  order.firstTradedAs ??= isMaker ? "maker" : "taker";
  const isFilled = order.quoteQuantity === 0n && remainingOf(order) === quantity;
  changeOrder(state, order, {
    executed: order.executed + quantity,
    executedQuote: order.executedQuote + quote,
    status: isFilled ? "FILLED" : "PARTIALLY_FILLED",
  }, now);
  noteExecuted(state, order, now);
  if (isMaker) releaseSpare(state, order);
}

/**
 * The rest of the market takes up to `quantity` from our orders of `side` that are at `price` or better for it; at
 * `price` those come first who stand in the queue ahead of us. Returns how much of it was traded with us.
 */
export function takeFromUs(
  state: ExchangeState,
  market: Market,
  side: Side,
  price: Fixed,
  quantity: Fixed,
  now: number,
): Fixed {
  let [left, traded] = [quantity, 0n];
  while (left > 0n) {
    const maker = market.orders.get(market.working[side][0] ?? -1);
    if (maker === undefined || (side === "BUY" ? maker.price < price : maker.price > price)) break;
    if (maker.price === price && maker.queueAhead > 0n) {
      const passed = minOf(maker.queueAhead, left);
      for (const id of market.working[side]) shortenQueue(market.orders.get(id)!, price, passed);
      left -= passed;
      continue;
    }
    const taken = minOf(left, remainingOf(maker));
    const deal = { taker: null, maker, takerSide: opposite(side), price: maker.price, quantity: taken };
    trade(state, market, deal, now);
    left -= taken;
    traded += taken;
  }
  return traded;
}

function shortenQueue(order: Order, price: Fixed, passed: Fixed): void {
  if (order.price === price) order.queueAhead -= minOf(order.queueAhead, passed);
}
