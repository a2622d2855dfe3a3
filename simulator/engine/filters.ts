import { type Fixed, minOf, mul } from "../core/fixed.ts";
import { accountOf, balanceOf } from "./accounts.ts";
import { amountOf, countOf, filterOf } from "./filter_values.ts";
import type { ExchangeState, Filter, Market, Order, OrderDraft, OrderList, SymbolRules } from "./model.ts";
import { isContingent, orderOf, remainingOf } from "./orders.ts";
import { averagePrice } from "./public_trades.ts";
import { filterFailure, orderRejected } from "./rejection.ts";

type Check = (filter: Filter, draft: OrderDraft, market: Market, now: number) => boolean;

/** Whether an order passes, for the filters that look at one order alone. In the order they are applied. */
const CHECKS: Readonly<Record<string, Check>> = {
  PRICE_FILTER: (filter, { price, stopPrice }) =>
    [price, stopPrice].every((it) => it === 0n || isInRange(it, filter, "minPrice", "maxPrice", "tickSize")),
  PERCENT_PRICE: (filter, { price }, market, now) =>
    isNearAverage(price, filter, "multiplierDown", "multiplierUp", market, now),
  PERCENT_PRICE_BY_SIDE: (filter, { price, side }, market, now) =>
    side === "BUY"
      ? isNearAverage(price, filter, "bidMultiplierDown", "bidMultiplierUp", market, now)
      : isNearAverage(price, filter, "askMultiplierDown", "askMultiplierUp", market, now),
  LOT_SIZE: (filter, { quantity }) =>
    quantity === 0n || isInRange(quantity, filter, "minQty", "maxQty", "stepSize"),
  MARKET_LOT_SIZE: (filter, { type, quantity }) =>
    type !== "MARKET" || quantity === 0n || isInRange(quantity, filter, "minQty", "maxQty", "stepSize"),
  MIN_NOTIONAL: (filter, draft, market, now) =>
    (draft.type === "MARKET" && filter.applyToMarket !== true) ||
    notionalOf(draft, filter, market, now) >= amountOf(filter, "minNotional"),
  NOTIONAL: (filter, draft, market, now) => {
    const notional = notionalOf(draft, filter, market, now);
    const isMarket = draft.type === "MARKET";
    return ((isMarket && filter.applyMinToMarket !== true) || notional >= amountOf(filter, "minNotional")) &&
      ((isMarket && filter.applyMaxToMarket !== true) || notional <= amountOf(filter, "maxNotional"));
  },
};

/** Throws the rejection of the first filter that an order fails, of those that look at the order alone. */
export function checkFilters(market: Market, draft: OrderDraft, now: number): void {
  for (const type of Object.keys(CHECKS)) checkFilter(type, market, draft, now);
}

/** The same for an order of which only the quantity changes. */
export function checkQuantity(market: Market, draft: OrderDraft, now: number): void {
  for (const type of ["LOT_SIZE", "MIN_NOTIONAL", "NOTIONAL"]) checkFilter(type, market, draft, now);
}

function checkFilter(type: string, market: Market, draft: OrderDraft, now: number): void {
  const filter = filterOf(market.rules, type);
  if (filter !== null && !CHECKS[type]!(filter, draft, market, now)) throw filterFailure(type);
}

/** A bound or step of zero is switched off. */
function isInRange(value: Fixed, filter: Filter, min: string, max: string, step: string): boolean {
  const [low, high, unit] = [amountOf(filter, min), amountOf(filter, max), amountOf(filter, step)];
  return value >= low && (high === 0n || value <= high) && (unit === 0n || value % unit === 0n);
}

function isNearAverage(
  price: Fixed,
  filter: Filter,
  down: string,
  up: string,
  market: Market,
  now: number,
): boolean {
  if (price === 0n) return true;
  const average = averageFor(filter, market, now);
  return price >= mul(average, amountOf(filter, down)) && price <= mul(average, amountOf(filter, up));
}

function averageFor(filter: Filter, market: Market, now: number): Fixed {
  const minutes = countOf(filter, "avgPriceMins");
  return minutes === 0 ? market.lastPrice : averagePrice(market, minutes, now);
}

/**
 * The value that the filters look at. What Binance does with a stop price is not documented and orders have been
 * refused for it, so the lower of the two prices counts.
 */
function notionalOf(draft: OrderDraft, filter: Filter, market: Market, now: number): Fixed {
  if (draft.quoteQuantity > 0n) return draft.quoteQuantity;
  const prices = [draft.price, draft.stopPrice].filter((price) => price > 0n);
  if (prices.length === 0) prices.push(averageFor(filter, market, now));
  return mul(prices.reduce(minOf), draft.quantity);
}

const MATCHING_ENGINE_COUNTS:
  readonly (readonly [string, string, (orders: readonly CountedOrder[]) => number])[] = [
    ["MAX_NUM_ORDERS", "maxNumOrders", (orders) => orders.length],
    ["MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", (orders) => orders.filter(isContingent).length],
  ];
type CountedOrder = Pick<Order, "type">;

/** Throws where an account would have too many orders or too much of an asset: what the matching engine counts. */
export function checkCounts(
  state: ExchangeState,
  market: Market,
  accountId: string,
  drafts: readonly OrderDraft[],
): void {
  const everywhere = [...accountOf(state, accountId).openOrders.values()].map((ref) => orderOf(state, ref));
  const here = everywhere.filter(({ symbol }) => symbol === market.rules.symbol);
  for (const [type, field, count] of MATCHING_ENGINE_COUNTS) {
    const filter = filterOf(market.rules, type);
    requireWithin(filter, field, count([...here, ...drafts]));
    const overall = state.exchangeFilters.find(({ filterType }) => filterType === `EXCHANGE_${type}`);
    requireWithin(overall ?? null, field, count([...everywhere, ...drafts]));
  }
  checkPosition(state, market, accountId, drafts, here);
  checkAssetCap(state, market, drafts);
}

function requireWithin(filter: Filter | null, field: string, count: number): void {
  if (filter !== null && count > countOf(filter, field)) {
    throw orderRejected(`Filter failure: ${filter.filterType}`);
  }
}

/** What the account has and could come to have of the base asset. */
function checkPosition(
  state: ExchangeState,
  { rules }: Market,
  accountId: string,
  drafts: readonly OrderDraft[],
  open: readonly Order[],
): void {
  const filter = filterOf(rules, "MAX_POSITION");
  const buying = drafts.filter(({ side }) => side === "BUY").reduce(
    (sum, { quantity }) => sum + quantity,
    0n,
  );
  if (filter === null || buying === 0n) return;
  const { free, locked } = balanceOf(accountOf(state, accountId), rules.baseAsset);
  const ordered = open.filter(({ side }) => side === "BUY").reduce((sum, it) => sum + remainingOf(it), 0n);
  if (free + locked + ordered + buying > amountOf(filter, "maxPosition")) {
    throw orderRejected("Filter failure: MAX_POSITION");
  }
}

function checkAssetCap({ assetCaps }: ExchangeState, { rules }: Market, drafts: readonly OrderDraft[]): void {
  const [base, quote] = [assetCaps.get(rules.baseAsset), assetCaps.get(rules.quoteAsset)];
  for (const { quantity, price, quoteQuantity } of drafts) {
    const value = quoteQuantity > 0n ? quoteQuantity : mul(price, quantity);
    if ((base !== undefined && quantity > base) || (quote !== undefined && value > quote)) {
      throw orderRejected("Filter failure: MAX_ASSET");
    }
  }
}

/** Throws where an account would have too many open order lists on a symbol, or on all of them. */
export function checkListCounts(state: ExchangeState, rules: SymbolRules, accountId: string): void {
  const open = [...accountOf(state, accountId).openLists].map((id) => state.lists.get(id)!);
  const isHere = ({ symbol }: OrderList) => symbol === rules.symbol;
  requireWithin(filterOf(rules, "MAX_NUM_ORDER_LISTS"), "maxNumOrderLists", open.filter(isHere).length + 1);
  const overall = state.exchangeFilters.find((it) => it.filterType === "EXCHANGE_MAX_NUM_ORDER_LISTS");
  requireWithin(overall ?? null, "maxNumOrderLists", open.length + 1);
}
