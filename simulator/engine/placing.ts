import { type Fixed, maxOf } from "../core/fixed.ts";
import { nextId } from "../core/random.ts";
import { accountOf } from "./accounts.ts";
import { checkAccount, checkDraft, checkPlacing } from "./checks.ts";
import { amountOf, filterOf } from "./filter_values.ts";
import { checkCounts, checkListCounts } from "./filters.ts";
import { forgetOldest } from "./history.ts";
import { assetGiven, holdFor, requireFree, shareHold } from "./holds.ts";
import { closeIfDone, ordersOfList } from "./lists.ts";
import { estimate } from "./matching.ts";
import type { ExchangeState, Market, Order, OrderDraft, OrderList } from "./model.ts";
import { buildOrder, createOrder, marketOf, requireUnusedId } from "./orders.ts";
import { orderRejected } from "./rejection.ts";
import { beginOrder, costOf, settle } from "./settle.ts";

/** Of an order that is in no book, made to compute what it would cost. */
const NO_ORDER = 0;

/** Places one order. It has met the book when this returns. Throws a `Rejection` and changes nothing. */
export function placeOrder(state: ExchangeState, accountId: string, draft: OrderDraft, now: number): Order {
  const market = marketOf(state, draft.symbol);
  checkDraft(market, draft, now);
  checkAtEngine(state, market, accountId, [draft]);
  checkPlacing(market, draft);
  requireFunds(state, market, accountId, draft, now);
  const order = createOrder(state, draft, { accountId }, now);
  holdFor(state, order, costOf(market, order));
  beginOrder(state, market, order, now);
  settle(state, market, now);
  forgetOldest(state, market);
  return order;
}

/** What the matching engine refuses, whatever the market is like. */
function checkAtEngine(
  state: ExchangeState,
  market: Market,
  accountId: string,
  drafts: readonly OrderDraft[],
): void {
  checkAccount(accountOf(state, accountId));
  for (const { clientOrderId } of drafts) requireUnusedId(state, accountId, clientOrderId);
  if (new Set(drafts.map(({ clientOrderId }) => clientOrderId)).size < drafts.length) {
    throw orderRejected("Duplicate order sent.");
  }
  checkCounts(state, market, accountId, drafts);
}

function requireFunds(
  state: ExchangeState,
  market: Market,
  accountId: string,
  draft: OrderDraft,
  now: number,
): void {
  const order = buildOrder(draft, { accountId, orderId: NO_ORDER }, now);
  if (draft.quoteQuantity > 0n && estimate(market, order, null).quantity < smallestLot(market)) {
    throw orderRejected("Order book liquidity is less than `LOT_SIZE` filter minimum quantity.");
  }
  requireFree(accountOf(state, accountId), assetGiven(market, draft), costOf(market, order));
}

function smallestLot({ rules }: Market): Fixed {
  const lot = filterOf(rules, "LOT_SIZE");
  return lot === null ? 1n : maxOf(amountOf(lot, "minQty"), 1n);
}

export interface ListDraft {
  readonly symbol: string;
  readonly listClientOrderId: string;
  /** Null: the legs are placed at once. */
  readonly working: OrderDraft | null;
  /** One, or two that exclude each other: the dearer one first. */
  readonly legs: readonly OrderDraft[];
}

/** A list as its placement answers it: as it and its orders were at that moment. */
export interface PlacedList {
  readonly list: OrderList;
  readonly orders: readonly Order[];
}

/** Places an OCO, OTO or OTOCO. Throws a `Rejection` and changes nothing. */
export function placeList(
  state: ExchangeState,
  accountId: string,
  draft: ListDraft,
  now: number,
): PlacedList {
  const market = marketOf(state, draft.symbol);
  const drafts = draft.working === null ? draft.legs : [draft.working, ...draft.legs];
  for (const one of drafts) checkDraft(market, one, now);
  checkPair(market, draft);
  checkListCounts(state, market.rules, accountId);
  requireUnusedListId(state, accountId, draft.listClientOrderId);
  checkAtEngine(state, market, accountId, drafts);
  const first = draft.working === null ? draft.legs : [draft.working];
  for (const one of first) {
    checkPlacing(market, one);
    requireFunds(state, market, accountId, one, now);
  }
  const list = createList(state, accountId, draft, now);
  const orders = ordersOfList(state, list);
  const begun = draft.working === null ? orders : orders.slice(0, 1);
  if (begun.length > 1) shareHold(state, begun);
  else for (const order of begun) holdFor(state, order, costOf(market, order));
  for (const order of begun) beginOrder(state, market, order, now);
  closeIfDone(state, list);
  // What waits for the working order begins after the answer, even where the order was filled at once.
  const answered = { list: { ...list }, orders: orders.map((order) => ({ ...order })) };
  settle(state, market, now);
  forgetOldest(state, market);
  return answered;
}

/** The upper leg of a pair is above the last price and the lower one below; with a working order, above each other. */
function checkPair(market: Market, { legs, working }: ListDraft): void {
  const [above, below] = legs.map((leg) => leg.stopPrice > 0n ? leg.stopPrice : leg.price);
  if (above === undefined || below === undefined) return;
  const { lastPrice } = market;
  const isRight = working === null ? above > lastPrice && lastPrice > below : above > below;
  if (!isRight) throw orderRejected("The relationship of the prices for the orders is not correct.");
}

function requireUnusedListId(state: ExchangeState, accountId: string, listClientOrderId: string): void {
  const open = [...accountOf(state, accountId).openLists].map((id) => state.lists.get(id)!);
  if (open.some((list) => list.listClientOrderId === listClientOrderId)) {
    throw orderRejected("Duplicate order sent.");
  }
}

function createList(state: ExchangeState, accountId: string, draft: ListDraft, now: number): OrderList {
  const listId = state.nextListId++;
  const placement = { accountId, listId };
  const workingId = draft.working === null ? null : createOrder(state, draft.working, placement, now).orderId;
  const status = workingId === null ? "NEW" : "PENDING_NEW";
  const holdKey = draft.legs.length > 1 ? `list:${listId}` : undefined;
  const legIds = draft.legs.map((leg) =>
    createOrder(state, leg, { ...placement, status, holdKey }, now).orderId
  );
  const list: OrderList = {
    listId,
    accountId,
    symbol: draft.symbol,
    contingencyType: workingId === null ? "OCO" : "OTO",
    listClientOrderId: draft.listClientOrderId,
    createdAt: now,
    isDone: false,
    workingId,
    legIds,
  };
  state.lists.set(listId, list);
  accountOf(state, accountId).openLists.add(listId);
  return list;
}

/** An id for what a client left unnamed. */
export function newClientId(state: ExchangeState): string {
  return nextId(state.random, 22);
}
