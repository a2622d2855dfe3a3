import {
  type ExchangeState,
  ORDER_TYPES,
  type OrderDraft,
  type OrderType,
  type Side,
  STP_MODES,
  type StpMode,
  type TimeInForce,
} from "../engine/model.ts";
import { isContingent, marketOf } from "../engine/orders.ts";
import { newClientId } from "../engine/placing.ts";
import { orderRejected, Rejection } from "../engine/rejection.ts";
import { notValid, type Params } from "./params.ts";
import { RESPONSE_TYPES, type ResponseType } from "./render.ts";

const SIDES = ["BUY", "SELL"] as const;
const TIMES_IN_FORCE = ["GTC", "IOC", "FOK"] as const;

/** Name of an order's parameter; within a list the orders' names begin with their place. */
function nameOf(prefix: string, field: string): string {
  return prefix === "" ? field : prefix + field.charAt(0).toUpperCase() + field.slice(1);
}

/** What the orders of a list have in common, or what an order of its own says about itself. */
export interface Shared {
  readonly symbol: string;
  readonly stpMode: StpMode;
  readonly side?: Side;
  readonly quantity?: bigint;
}

/** The order that a request describes. `prefix` is empty for an order of its own. */
export function readDraft(
  state: ExchangeState,
  params: Params,
  prefix: string,
  shared: Shared,
): OrderDraft {
  const name = (field: string) => nameOf(prefix, field);
  const side = shared.side ?? readSide(params, name("side"));
  const type = readType(params, name("type"));
  refuseUnsupported(params, name);
  const amounts = type === "MARKET" && prefix === ""
    ? readMarketAmounts(params)
    : { quantity: shared.quantity ?? params.requiredAmount(name("quantity")), quoteQuantity: 0n };
  const hasPrice = type === "LIMIT" || type === "LIMIT_MAKER" || type.endsWith("_LIMIT");
  if (!hasPrice) params.refuse(name("price"));
  const price = hasPrice ? params.requiredAmount(name("price")) : 0n;
  if (!isContingent({ type })) params.refuse(name("stopPrice"));
  const stopPrice = isContingent({ type }) ? params.requiredAmount(name("stopPrice")) : 0n;
  return {
    symbol: shared.symbol,
    side,
    type,
    timeInForce: readTimeInForce(params, type, name("timeInForce")),
    ...amounts,
    price,
    stopPrice,
    clientOrderId: params.clientId(prefix === "" ? "newClientOrderId" : name("clientOrderId")) ??
      newClientId(state),
    stpMode: shared.stpMode,
  };
}

function readMarketAmounts(params: Params): Pick<OrderDraft, "quantity" | "quoteQuantity"> {
  if (params.has("quantity") && params.has("quoteOrderQty")) params.refuse("quoteOrderQty");
  if (params.has("quoteOrderQty")) {
    return { quantity: 0n, quoteQuantity: params.requiredAmount("quoteOrderQty") };
  }
  return { quantity: params.requiredAmount("quantity"), quoteQuantity: 0n };
}

export function readSide(params: Params, name: string): Side {
  params.requiredText(name);
  return params.oneOf(name, SIDES, new Rejection(-1117, "Invalid side."))!;
}

export function readType(params: Params, name: string): OrderType {
  params.requiredText(name);
  return params.oneOf(name, ORDER_TYPES, new Rejection(-1116, "Invalid orderType."))!;
}

/** Only orders with a limit that may rest have one; the others answer with GTC. */
function readTimeInForce(params: Params, type: OrderType, name: string): TimeInForce {
  if (type !== "LIMIT" && !type.endsWith("_LIMIT")) {
    params.refuse(name);
    return "GTC";
  }
  params.requiredText(name);
  return params.oneOf(name, TIMES_IN_FORCE, new Rejection(-1115, "Invalid timeInForce."))!;
}

/** What exchangeInfo says is not allowed for any symbol. */
function refuseUnsupported(params: Params, name: (field: string) => string): void {
  if (params.has(name("icebergQty"))) {
    throw orderRejected("Iceberg orders are not supported for this symbol.");
  }
  if (params.has(name("trailingDelta"))) {
    throw orderRejected("Trailing stop orders are not supported for this symbol.");
  }
}

export function readStpMode(state: ExchangeState, params: Params, symbol: string): StpMode {
  return params.oneOf("selfTradePreventionMode", STP_MODES, notValid("selfTradePreventionMode")) ??
    marketOf(state, symbol).rules.defaultStpMode;
}

export function readResponseType(params: Params, otherwise: ResponseType): ResponseType {
  return params.oneOf("newOrderRespType", RESPONSE_TYPES, notValid("newOrderRespType")) ?? otherwise;
}

/** An order of its own, with the symbol checked. */
export function readSingleDraft(state: ExchangeState, params: Params): OrderDraft {
  const symbol = params.symbol();
  marketOf(state, symbol);
  return readDraft(state, params, "", { symbol, stpMode: readStpMode(state, params, symbol) });
}

/** MARKET and LIMIT are answered in full unless asked otherwise, everything else with an acknowledgement. */
export function defaultResponse(type: OrderType): ResponseType {
  return type === "MARKET" || type === "LIMIT" ? "FULL" : "ACK";
}
