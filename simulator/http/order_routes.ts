import { formatFixed as text } from "../core/fixed.ts";
import {
  amendOrder,
  cancelOrder,
  findOrder,
  requireAmendable,
  requireCancellable,
} from "../engine/cancelling.ts";
import { checkAccount, checkDraft } from "../engine/checks.ts";
import type { Order } from "../engine/model.ts";
import { findRef, isOpen, marketOf, readerView } from "../engine/orders.ts";
import { newClientId, placeOrder } from "../engine/placing.ts";
import { cancelRejected, Rejection } from "../engine/rejection.ts";
import { prepareCancelReplace } from "./cancel_replace.ts";
import { cancelledList } from "./list_routes.ts";
import { readOrderKey, readRestriction } from "./order_keys.ts";
import { defaultResponse, readResponseType, readSingleDraft } from "./order_params.ts";
import { amendedOrder, cancelledOrder, discountOf, placedOrder, queriedOrder } from "./render.ts";
import { type Action, counted, readRange, type Route, selectRows, type SignedCall } from "./route.ts";
import type { Json } from "./wire.ts";

const ROWS_DEFAULT = 500;
const ROWS_MAX = 1_000;

function preparePlace(call: SignedCall): Action {
  const { params, state, account } = call;
  const draft = readSingleDraft(state, params);
  const type = readResponseType(params, defaultResponse(draft.type));
  return () => {
    const now = call.now();
    const order = counted(call, 1, () => placeOrder(state, account.id, draft, now), (it) => [it]);
    return placedOrder(marketOf(state, order.symbol), order, type, now);
  };
}

/** Checks everything that is checked before the matching engine, and goes no further. */
function prepareTest(call: SignedCall): Action {
  const { params, state, account } = call;
  const draft = readSingleDraft(state, params);
  readResponseType(params, "ACK");
  const hasRates = params.flag("computeCommissionRates", false);
  return () => {
    checkAccount(account);
    checkDraft(marketOf(state, draft.symbol), draft, call.now());
    return hasRates ? { ...ratesOf(call) } : {};
  };
}

function ratesOf({ account }: SignedCall): Readonly<Record<string, Json>> {
  const zero = { maker: "0.00000000", taker: "0.00000000" };
  return {
    standardCommissionForOrder: { maker: text(account.makerRate), taker: text(account.takerRate) },
    specialCommissionForOrder: zero,
    taxCommissionForOrder: zero,
    discount: discountOf(account),
  };
}

function prepareQuery({ params, state, account, now }: SignedCall): Action {
  const key = readOrderKey(params);
  return () => {
    const found = findOrder(state, account.id, key);
    const seen = found === null ? null : readerView(found, now());
    if (seen === null) throw new Rejection(-2013, "Order does not exist.");
    if (key.orderId !== null && key.clientOrderId !== null && key.clientOrderId !== seen.clientOrderId) {
      throw new Rejection(-2039, "Client order ID is not correct for this order ID.");
    }
    return queriedOrder(seen);
  };
}

function prepareCancel({ params, state, account, now }: SignedCall): Action {
  const key = readOrderKey(params);
  const restriction = readRestriction(params);
  const cancelId = params.clientId("newClientOrderId") ?? newClientId(state);
  return () => {
    const at = now();
    const order = requireCancellable(state, account.id, key, restriction);
    const list = cancelOrder(state, order, at);
    return list === null ? cancelledOrder(order, cancelId, at) : cancelledList(state, list, cancelId, at);
  };
}

function prepareCancelAll({ params, state, account, now }: SignedCall): Action {
  const symbol = params.symbol();
  marketOf(state, symbol);
  return () => {
    const at = now();
    checkAccount(account, cancelRejected);
    const open = openOrdersOf({ state, account }, symbol);
    if (open.length === 0) throw cancelRejected();
    const answers: Json[] = [];
    const cancelId = newClientId(state);
    for (const order of open) {
      if (order.status === "CANCELED") continue;
      const list = cancelOrder(state, order, at);
      answers.push(
        list === null ? cancelledOrder(order, cancelId, at) : cancelledList(state, list, cancelId, at),
      );
    }
    return answers;
  };
}

function openOrdersOf(
  { state, account }: Pick<SignedCall, "state" | "account">,
  symbol: string | null,
): Order[] {
  const refs = [...account.openOrders.values()].filter((ref) => symbol === null || ref.symbol === symbol);
  return refs.map((ref) => marketOf(state, ref.symbol).orders.get(ref.orderId)!);
}

/** As the readers see it: an order that they do not know yet is missing, one that has just ended is still there. */
function prepareOpenOrders({ params, state, account, now }: SignedCall): Action {
  const symbol = params.optionalSymbol();
  if (symbol !== null) marketOf(state, symbol);
  return () => {
    const at = now();
    return [...account.openOrders.values(), ...account.lateClosed]
      .filter((ref) => symbol === null || ref.symbol === symbol)
      .map((ref) => findRef(state, ref))
      .map((order) => order === null ? null : readerView(order, at))
      .filter((order) => order !== null && isOpen(order))
      .map((order) => queriedOrder(order!));
  };
}

function prepareAllOrders({ params, state, account, now }: SignedCall): Action {
  const market = marketOf(state, params.symbol());
  const fromId = params.integer("orderId");
  const range = readRange(params);
  const limit = params.limit(ROWS_DEFAULT, ROWS_MAX);
  return () => {
    const at = now();
    const own = [...market.orders.values()].filter((order) => order.accountId === account.id)
      .map((order) => readerView(order, at)).filter((order) => order !== null);
    const rows = fromId === null
      ? selectRows(own, ({ createdAt }) => createdAt, range, limit)
      : own.filter(({ orderId }) => orderId >= fromId).slice(0, limit);
    return rows.map(queriedOrder);
  };
}

function prepareAmend({ params, state, account, now }: SignedCall): Action {
  const key = readOrderKey(params);
  const quantity = params.requiredAmount("newQty");
  const clientOrderId = params.clientId("newClientOrderId") ?? newClientId(state);
  return () => {
    const at = now();
    const order = requireAmendable(state, account.id, key);
    const formerId = order.clientOrderId;
    amendOrder(state, order, quantity, clientOrderId, at);
    const executionId = marketOf(state, order.symbol).nextTradeId;
    return { transactTime: at, executionId, amendedOrder: amendedOrder(order, formerId) };
  };
}

const engine = { security: "trade", isForMatchingEngine: true } as const;

export const ORDER_ROUTES: readonly Route[] = [
  { ...engine, method: "POST", path: "/api/v3/order", weight: 1, orderCount: 1, prepare: preparePlace },
  { ...engine, method: "DELETE", path: "/api/v3/order", weight: 1, prepare: prepareCancel },
  { ...engine, method: "DELETE", path: "/api/v3/openOrders", weight: 1, prepare: prepareCancelAll },
  {
    ...engine,
    method: "POST",
    path: "/api/v3/order/cancelReplace",
    weight: 1,
    orderCount: 1,
    prepare: prepareCancelReplace,
  },
  { ...engine, method: "PUT", path: "/api/v3/order/amend/keepPriority", weight: 4, prepare: prepareAmend },
  {
    method: "POST",
    path: "/api/v3/order/test",
    security: "trade",
    weight: (params) => params.flag("computeCommissionRates", false) ? 20 : 1,
    prepare: prepareTest,
  },
  { method: "GET", path: "/api/v3/order", security: "read", weight: 4, prepare: prepareQuery },
  {
    method: "GET",
    path: "/api/v3/openOrders",
    security: "read",
    weight: (params) => params.has("symbol") ? 6 : 80,
    prepare: prepareOpenOrders,
  },
  { method: "GET", path: "/api/v3/allOrders", security: "read", weight: 20, prepare: prepareAllOrders },
];
