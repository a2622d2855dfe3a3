import { cancelList } from "../engine/cancelling.ts";
import { checkAccount } from "../engine/checks.ts";
import { listView, ordersOfList } from "../engine/lists.ts";
import type { ExchangeState, OrderDraft, OrderList, OrderType, Side } from "../engine/model.ts";
import { marketOf } from "../engine/orders.ts";
import { type ListDraft, newClientId, placeList } from "../engine/placing.ts";
import { cancelRejected, Rejection } from "../engine/rejection.ts";
import { readDraft, readResponseType, readSide, readStpMode, type Shared } from "./order_params.ts";
import type { Params } from "./params.ts";
import { cancelledOrder, placedOrder, queriedList } from "./render.ts";
import { type Action, counted, readRange, type Route, selectRows, type SignedCall } from "./route.ts";
import type { Json } from "./wire.ts";

/** Our words: what exactly Binance says about a wrong pair is not known. */
const WRONG_TYPES = "The order types are not supported in this place of an order list.";

/** A list that was cancelled, with what became of its orders. */
export function cancelledList(state: ExchangeState, list: OrderList, cancelId: string, at: number): Json {
  const cancelled = ordersOfList(state, list).filter(({ status }) => status === "CANCELED");
  return {
    ...queriedList(state, list),
    transactionTime: at,
    orderReports: cancelled.map((order) => cancelledOrder(order, cancelId, at)),
  };
}

/** Both legs of a pair: what profits and what stops, which of them is above depends on the side. */
function readPair(
  call: SignedCall,
  shared: Shared & { side: Side },
  above: string,
  below: string,
): OrderDraft[] {
  const { params, state } = call;
  const legs = [readDraft(state, params, above, shared), readDraft(state, params, below, shared)];
  const [upper, lower] = shared.side === "SELL" ? [isProfit, isStop] : [isStop, isProfit];
  if (!upper(legs[0]!.type) || !lower(legs[1]!.type)) throw new Rejection(-1158, WRONG_TYPES);
  return legs;
}

function isProfit(type: OrderType): boolean {
  return type === "LIMIT_MAKER" || type === "TAKE_PROFIT" || type === "TAKE_PROFIT_LIMIT";
}

function isStop(type: OrderType): boolean {
  return type === "STOP_LOSS" || type === "STOP_LOSS_LIMIT";
}

function readShared(call: SignedCall): Shared {
  const symbol = call.params.symbol();
  marketOf(call.state, symbol);
  return { symbol, stpMode: readStpMode(call.state, call.params, symbol) };
}

function readListId(call: SignedCall): string {
  return call.params.clientId("listClientOrderId") ?? newClientId(call.state);
}

function readOco(call: SignedCall): ListDraft {
  const { params } = call;
  const shared = readShared(call);
  const whole = { ...shared, side: readSide(params, "side"), quantity: params.requiredAmount("quantity") };
  return {
    symbol: shared.symbol,
    listClientOrderId: readListId(call),
    working: null,
    legs: readPair(call, whole, "above", "below"),
  };
}

function readWorking(call: SignedCall, shared: Shared): OrderDraft {
  const working = readDraft(call.state, call.params, "working", shared);
  if (working.type !== "LIMIT" && working.type !== "LIMIT_MAKER") throw new Rejection(-1159, WRONG_TYPES);
  return working;
}

function readOto(call: SignedCall): ListDraft {
  const shared = readShared(call);
  const working = readWorking(call, shared);
  const legs = [readDraft(call.state, call.params, "pending", shared)];
  return { symbol: shared.symbol, listClientOrderId: readListId(call), working, legs };
}

function readOtoco(call: SignedCall): ListDraft {
  const { params } = call;
  const shared = readShared(call);
  const working = readWorking(call, shared);
  const whole = {
    ...shared,
    side: readSide(params, "pendingSide"),
    quantity: params.requiredAmount("pendingQuantity"),
  };
  const legs = readPair(call, whole, "pendingAbove", "pendingBelow");
  return { symbol: shared.symbol, listClientOrderId: readListId(call), working, legs };
}

function preparePlaceList(read: (call: SignedCall) => ListDraft): (call: SignedCall) => Action {
  return (call) => {
    const draft = read(call);
    const type = readResponseType(call.params, "RESULT");
    const count = draft.legs.length + (draft.working === null ? 0 : 1);
    return () => {
      const { state, account } = call;
      const now = call.now();
      const placed = counted(
        call,
        count,
        () => placeList(state, account.id, draft, now),
        ({ orders }) => [...orders],
      );
      const market = marketOf(state, draft.symbol);
      return {
        ...queriedList(state, placed.list),
        orderReports: placed.orders.map((order) => placedOrder(market, order, type, now)),
      };
    };
  };
}

/** The account's list by its id, or by the client's id: then the newest of that name. */
function findList(
  { state, account }: SignedCall,
  listId: number | null,
  clientId: string | null,
): OrderList | null {
  const byId = state.lists.get(listId ?? -1);
  if (listId !== null) return byId?.accountId === account.id ? byId : null;
  return [...state.lists.values()].findLast((list) =>
    list.accountId === account.id && list.listClientOrderId === clientId
  ) ?? null;
}

function readListKey(
  params: Params,
  clientIdName: string,
): { listId: number | null; clientId: string | null } {
  const key = { listId: params.integer("orderListId"), clientId: params.clientId(clientIdName) };
  if (key.listId === null && key.clientId === null) {
    throw new Rejection(
      -1102,
      `Param '${clientIdName}' or 'orderListId' must be sent, but both were empty/null!`,
    );
  }
  return key;
}

function prepareCancelList(call: SignedCall): Action {
  const { params, state, now } = call;
  const symbol = params.symbol();
  marketOf(state, symbol);
  const { listId, clientId } = readListKey(params, "listClientOrderId");
  const cancelId = params.clientId("newClientOrderId") ?? newClientId(state);
  return () => {
    const at = now();
    checkAccount(call.account, cancelRejected);
    const list = findList(call, listId, clientId);
    if (list === null || list.symbol !== symbol || list.isDone) throw cancelRejected();
    cancelList(state, list, at);
    return cancelledList(state, list, cancelId, at);
  };
}

function prepareQueryList(call: SignedCall): Action {
  const { listId, clientId } = readListKey(call.params, "origClientOrderId");
  return () => {
    const list = findList(call, listId, clientId);
    const seen = list === null ? null : listView(call.state, list, call.now());
    if (seen === null) throw new Rejection(-2018, "Order list does not exist.");
    return queriedList(call.state, seen);
  };
}

/** The account's lists as the readers see them. */
function ownLists({ state, account, now }: SignedCall): OrderList[] {
  const at = now();
  return [...state.lists.values()].filter((list) => list.accountId === account.id)
    .map((list) => listView(state, list, at)).filter((list) => list !== null);
}

function prepareAllLists(call: SignedCall): Action {
  const fromId = call.params.integer("fromId");
  const range = readRange(call.params);
  const limit = call.params.limit(500, 1_000);
  return () => {
    const rows = fromId === null
      ? selectRows(ownLists(call), ({ createdAt }) => createdAt, range, limit)
      : ownLists(call).filter(({ listId }) => listId >= fromId).slice(0, limit);
    return rows.map((list) => queriedList(call.state, list));
  };
}

const engine = { security: "trade", isForMatchingEngine: true, weight: 1 } as const;

export const LIST_ROUTES: readonly Route[] = [
  {
    ...engine,
    method: "POST",
    path: "/api/v3/orderList/oco",
    orderCount: 2,
    prepare: preparePlaceList(readOco),
  },
  {
    ...engine,
    method: "POST",
    path: "/api/v3/orderList/oto",
    orderCount: 2,
    prepare: preparePlaceList(readOto),
  },
  {
    ...engine,
    method: "POST",
    path: "/api/v3/orderList/otoco",
    orderCount: 3,
    prepare: preparePlaceList(readOtoco),
  },
  { ...engine, method: "DELETE", path: "/api/v3/orderList", prepare: prepareCancelList },
  { method: "GET", path: "/api/v3/orderList", security: "read", weight: 4, prepare: prepareQueryList },
  { method: "GET", path: "/api/v3/allOrderList", security: "read", weight: 20, prepare: prepareAllLists },
  {
    method: "GET",
    path: "/api/v3/openOrderList",
    security: "read",
    weight: 6,
    prepare: (call) => () =>
      ownLists(call).filter(({ isDone }) => !isDone).map((list) => queriedList(call.state, list)),
  },
];
