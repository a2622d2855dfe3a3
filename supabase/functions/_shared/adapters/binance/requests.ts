/** What Binance is sent: exactly the parameters that an order's type needs, for it refuses any other. */
import type { OrderName, OrderRequest, OrderType, PairRequest, ReplaceRequest } from "../../domain/venue.ts";
import type { Params } from "./ccxt_orders.ts";

/** A request that cannot be put into words the exchange takes; it is not sent. */
export class RequestInvalid extends Error {
  override readonly name = "RequestInvalid";
}

type Field = "timeInForce" | "price" | "stopPrice";

/** Mandatory parameters by type, besides symbol, side and quantity. */
const FIELDS: Readonly<Record<OrderType, readonly Field[]>> = {
  MARKET: [],
  LIMIT: ["timeInForce", "price"],
  LIMIT_MAKER: ["price"],
  STOP_LOSS: ["stopPrice"],
  STOP_LOSS_LIMIT: ["timeInForce", "price", "stopPrice"],
};

/** An empty id would be replaced by one with a broker's tag (CCXT) or a random one (Binance). */
const CLIENT_ID = /^[a-zA-Z0-9_-]{1,36}$/;
/** Some symbols begin with a name that is not written in Latin letters. */
const SYMBOL = /^(?!.*[a-z])[\p{L}\p{N}_.-]{1,50}$/u;
const POSITIVE = /^(?!0+(\.0+)?$)\d+(\.\d+)?$/;

/** `POST order`. */
export function placement(symbol: string, order: OrderRequest): Params {
  return { symbol: symbolOf(symbol), ...orderParams(order) };
}

function orderParams(order: OrderRequest): Params {
  const values = { timeInForce: order.timeInForce, price: order.price, stopPrice: order.triggerPrice };
  const fields = FIELDS[order.type].map((field) => {
    const value = values[field];
    if (value === null) throw new RequestInvalid(`an order of type ${order.type} needs ${field}`);
    return [field, field === "timeInForce" ? value : positive(value, field)];
  });
  return {
    side: order.side,
    type: order.type,
    quantity: positive(order.quantity, "quantity"),
    ...Object.fromEntries(fields),
    newClientOrderId: idOf(order.clientOrderId),
    newOrderRespType: "FULL",
    ...(order.side === "BUY" ? GIVES_WAY : {}),
  };
}

/**
 * Self-trade prevention: the order that comes says which of two orders of an account ends. Without a word (EXPIRE_MAKER) a
 * purchase would end the target of another position, and with that the stop of its list. A sale goes before what rests.
 */
const GIVES_WAY: Params = { selfTradePreventionMode: "EXPIRE_TAKER" };

/** `POST orderList/oco` that sells: the target above the market, the stop below it. */
export function pairPlacement(
  symbol: string,
  { listClientOrderId, quantity, target, stop }: PairRequest,
): Params {
  const stopLimit: Params = stop.price === null
    ? {}
    : { belowPrice: positive(stop.price, "stop price"), belowTimeInForce: "GTC" };
  return {
    symbol: symbolOf(symbol),
    side: "SELL",
    quantity: positive(quantity, "quantity"),
    listClientOrderId: idOf(listClientOrderId),
    aboveType: "LIMIT_MAKER",
    abovePrice: positive(target.price, "target price"),
    aboveClientOrderId: idOf(target.clientOrderId),
    belowType: stop.price === null ? "STOP_LOSS" : "STOP_LOSS_LIMIT",
    belowStopPrice: positive(stop.triggerPrice, "trigger price"),
    ...stopLimit,
    belowClientOrderId: idOf(stop.clientOrderId),
    newOrderRespType: "FULL",
  };
}

/** `POST order/cancelReplace` that does neither when it cannot cancel. */
export function replacement(symbol: string, { cancelClientOrderId, order }: ReplaceRequest): Params {
  return {
    symbol: symbolOf(symbol),
    cancelReplaceMode: "STOP_ON_FAILURE",
    cancelOrigClientOrderId: idOf(cancelClientOrderId),
    ...orderParams(order),
  };
}

/**
 * `DELETE order`, and `GET order`. A cancel is given no id of its own: Binance makes one, nobody needs it, and one name less
 * can collide with an order's.
 */
export function byClientId(symbol: string, clientOrderId: string): Params {
  return { symbol: symbolOf(symbol), origClientOrderId: idOf(clientOrderId) };
}

/** `GET order`, by either id. */
export function byName(symbol: string, name: OrderName): Params {
  if ("clientOrderId" in name) return byClientId(symbol, name.clientOrderId);
  if (!/^\d{1,30}$/.test(name.exchangeOrderId)) throw new RequestInvalid("an exchange order id has digits");
  return { symbol: symbolOf(symbol), orderId: name.exchangeOrderId };
}

export function symbolOf(symbol: string): string {
  if (!SYMBOL.test(symbol)) {
    throw new RequestInvalid("a symbol has up to 50 letters and digits, none of them small");
  }
  return symbol;
}

function idOf(id: string): string {
  if (!CLIENT_ID.test(id)) throw new RequestInvalid("a client order id has 1 to 36 letters, digits, - and _");
  return id;
}

function positive(amount: string, what: string): string {
  if (!POSITIVE.test(amount)) throw new RequestInvalid(`${what} is not a positive decimal`);
  return amount;
}
