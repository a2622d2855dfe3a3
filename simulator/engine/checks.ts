import { mul } from "../core/fixed.ts";
import { bestOffer } from "./book.ts";
import { checkFilters } from "./filters.ts";
import type { Account, Market, Order, OrderDraft, OrderType } from "./model.ts";
import { isContingent } from "./orders.ts";
import { orderRejected, Rejection } from "./rejection.ts";

const TYPE_NAMES: Readonly<Record<OrderType, string>> = {
  LIMIT: "Limit",
  LIMIT_MAKER: "Limit maker",
  MARKET: "Market",
  STOP_LOSS: "Stop loss",
  STOP_LOSS_LIMIT: "Stop loss limit",
  TAKE_PROFIT: "Take profit",
  TAKE_PROFIT_LIMIT: "Take profit limit",
};

/** Throws where an order is refused before it reaches the matching engine. */
export function checkDraft(market: Market, draft: OrderDraft, now: number): void {
  const { rules } = market;
  if (rules.status !== "TRADING") throw new Rejection(-1013, "Market is closed.");
  if (!rules.orderTypes.includes(draft.type)) {
    throw orderRejected(`${TYPE_NAMES[draft.type]} orders are not supported for this symbol.`);
  }
  if (!rules.stpModes.includes(draft.stpMode)) {
    throw new Rejection(-1013, "This symbol does not allow the specified self-trade prevention mode.");
  }
  checkFilters(market, draft, now);
}

/** Throws where the account as a whole may not trade. */
export function checkAccount(account: Account, reject: (message: string) => Rejection = orderRejected): void {
  if (!account.canTrade) throw reject("This account may not place or cancel orders.");
}

/** Throws where the market, as it is now, does not let an order in. */
export function checkPlacing(market: Market, order: OrderDraft | Order): void {
  if (order.quantity > 0n && order.price > 0n && mul(order.price, order.quantity) === 0n) {
    throw orderRejected("Price * QTY is zero or less.");
  }
  if (isContingent(order) && isTriggered(market, order)) {
    throw orderRejected("Order would trigger immediately.");
  }
  if (order.type === "LIMIT_MAKER" && bestOffer(market, order.side, order.price) !== null) {
    throw orderRejected("Order would immediately match and take.");
  }
}

/** Whether the last price has reached the stop price, from the side on which the order was placed. */
export function isTriggered(
  { lastPrice }: Market,
  { side, type, stopPrice }: Pick<Order, "side" | "type" | "stopPrice">,
): boolean {
  const isAbove = type.startsWith("STOP_LOSS") === (side === "BUY");
  return isAbove ? lastPrice >= stopPrice : lastPrice <= stopPrice;
}
