import { cancelOrder, requireCancellable } from "../engine/cancelling.ts";
import { checkDraft } from "../engine/checks.ts";
import { marketOf } from "../engine/orders.ts";
import { newClientId, placeOrder } from "../engine/placing.ts";
import { Rejection } from "../engine/rejection.ts";
import { cancelledList } from "./list_routes.ts";
import { defaultResponse, readResponseType, readSingleDraft } from "./order_params.ts";
import { readOrderKey, readRestriction } from "./order_keys.ts";
import { notValid } from "./params.ts";
import { cancelledOrder, placedOrder } from "./render.ts";
import type { Action, SignedCall } from "./route.ts";
import { type Json, RefusalWithData, Throttled } from "./wire.ts";

/** One half of a cancel-replace. */
interface Half {
  readonly result: "SUCCESS" | "FAILURE" | "NOT_ATTEMPTED";
  readonly response: Json;
}

const NOT_ATTEMPTED: Half = { result: "NOT_ATTEMPTED", response: null };

/**
 * Cancels one order and places another. The filters judge the new order before anything happens; after that each half
 * can fail by itself, and the answer tells of both.
 */
export function prepareCancelReplace(call: SignedCall): Action {
  const { params, state, account } = call;
  const draft = readSingleDraft(state, params);
  const type = readResponseType(params, defaultResponse(draft.type));
  params.requiredText("cancelReplaceMode");
  const mode = params.oneOf(
    "cancelReplaceMode",
    ["STOP_ON_FAILURE", "ALLOW_FAILURE"],
    notValid("cancelReplaceMode"),
  );
  const key = readOrderKey(params, "cancelOrderId", "cancelOrigClientOrderId");
  const restriction = readRestriction(params);
  const cancelId = params.clientId("cancelNewClientOrderId") ?? newClientId(state);
  const whenTooMany = params.oneOf(
    "orderRateLimitExceededMode",
    ["DO_NOTHING", "CANCEL_ONLY"],
    notValid("orderRateLimitExceededMode"),
  ) ?? "DO_NOTHING";
  return () => {
    const now = call.now();
    const market = marketOf(state, draft.symbol);
    checkDraft(market, draft, now);
    const tooMany = throttleOf(call, now);
    if (tooMany !== null && whenTooMany === "DO_NOTHING") throw tooMany;
    const cancelled = attempt(() => {
      const order = requireCancellable(state, account.id, key, restriction);
      const list = cancelOrder(state, order, now);
      return list === null ? cancelledOrder(order, cancelId, now) : cancelledList(state, list, cancelId, now);
    });
    const isAttempted = cancelled.result === "SUCCESS" || mode === "ALLOW_FAILURE";
    let placed = NOT_ATTEMPTED;
    if (tooMany === null) {
      // The new order counts whether or not it was attempted.
      placed = isAttempted ? attempt(() => place(call, draft, type, now)) : placed;
      if (placed.result !== "SUCCESS") call.limits.addOrders(account.id, 1, [], now);
    }
    return answer(cancelled, placed, tooMany);
  };
}

function place(
  call: SignedCall,
  draft: Parameters<typeof placeOrder>[2],
  type: Parameters<typeof placedOrder>[2],
  now: number,
): Json {
  const order = placeOrder(call.state, call.account.id, draft, now);
  call.limits.addOrders(call.account.id, 1, [order], now);
  return placedOrder(marketOf(call.state, order.symbol), order, type, now);
}

function throttleOf({ limits, account }: SignedCall, now: number): Throttled | null {
  try {
    limits.requireOrders(account.id, 1, now);
    return null;
  } catch (error) {
    if (error instanceof Throttled) return error;
    throw error;
  }
}

function attempt(action: () => Json): Half {
  try {
    return { result: "SUCCESS", response: action() };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { result: "FAILURE", response: { code: error.code, msg: error.message } };
  }
}

function answer(cancelled: Half, placed: Half, tooMany: Throttled | null): Json {
  const data = {
    cancelResult: cancelled.result,
    newOrderResult: placed.result,
    cancelResponse: cancelled.response,
    newOrderResponse: placed.response,
  };
  if (tooMany !== null) {
    throw new Throttled(tooMany.code, tooMany.message, tooMany.status, tooMany.retryAfterS, data);
  }
  const successes = [cancelled, placed].filter(({ result }) => result === "SUCCESS").length;
  if (successes === 2) return data;
  if (successes === 1) throw new RefusalWithData(-2021, "Order cancel-replace partially failed.", 409, data);
  throw new RefusalWithData(-2022, "Order cancel-replace failed.", 400, data);
}
