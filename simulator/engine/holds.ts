import { type Fixed, maxOf, mul } from "../core/fixed.ts";
import { accountOf, balanceOf } from "./accounts.ts";
import type { Account, ExchangeState, Hold, Market, Order } from "./model.ts";
import { isOpen, marketOf, orderOf, remainingOf } from "./orders.ts";
import { INSUFFICIENT_BALANCE, orderRejected } from "./rejection.ts";

/** The asset that an order gives away. */
export function assetGiven({ rules }: Market, { side }: Pick<Order, "side">): string {
  return side === "SELL" ? rules.baseAsset : rules.quoteAsset;
}

/**
 * What an open order must have set aside: the base it sells, or the price of what it buys. A stop that will buy at
 * market has no price; its trigger stands in, and the rest is asked for when it triggers.
 */
export function needOf(order: Order): Fixed {
  if (!isOpen(order) || order.status === "PENDING_NEW") return 0n;
  if (order.side === "SELL") return remainingOf(order);
  return mul(order.price > 0n ? order.price : order.stopPrice, remainingOf(order));
}

/** Moves `amount` from free to locked for `order`. Throws the rejection for too little balance. */
export function holdFor(state: ExchangeState, order: Order, amount: Fixed): void {
  const market = marketOf(state, order.symbol);
  const account = accountOf(state, order.accountId);
  const asset = assetGiven(market, order);
  requireFree(account, asset, amount);
  let hold = state.holds.get(order.holdKey);
  if (hold === undefined) {
    hold = { accountId: account.id, asset, amount: 0n, orders: [] };
    state.holds.set(order.holdKey, hold);
  }
  if (!hold.orders.some(({ orderId }) => orderId === order.orderId)) {
    hold.orders.push({ symbol: order.symbol, orderId: order.orderId });
  }
  moveToLocked(account, hold, amount);
}

/** Lets a pair of which only one can execute share what the dearer of the two needs. */
export function shareHold(state: ExchangeState, orders: readonly Order[]): void {
  const needs = orders.map(needOf);
  const [first, ...others] = orders;
  if (first === undefined) return;
  holdFor(state, first, needs.reduce(maxOf));
  for (const order of others) holdFor(state, order, 0n);
}

export function requireFree(account: Account, asset: string, amount: Fixed): void {
  if (balanceOf(account, asset).free < amount) throw orderRejected(INSUFFICIENT_BALANCE);
}

/** Takes what a trade costs out of the hold. */
export function spendHeld(state: ExchangeState, order: Order, amount: Fixed): void {
  const hold = state.holds.get(order.holdKey);
  if (hold === undefined || hold.amount < amount) {
    throw new RangeError(`Order ${order.symbol} ${order.orderId} would spend more than it holds.`);
  }
  hold.amount -= amount;
  balanceOf(accountOf(state, hold.accountId), hold.asset).locked -= amount;
}

/** Gives back what no order of the hold needs any more. */
export function releaseSpare(state: ExchangeState, order: Order): void {
  const hold = state.holds.get(order.holdKey);
  if (hold === undefined) return;
  const need = hold.orders.map((ref) => needOf(orderOf(state, ref))).reduce(maxOf, 0n);
  if (hold.amount > need) moveToLocked(accountOf(state, hold.accountId), hold, need - hold.amount);
  if (!hold.orders.some((ref) => isOpen(orderOf(state, ref)))) state.holds.delete(order.holdKey);
}

export function heldFor(state: ExchangeState, order: Order): Fixed {
  return state.holds.get(order.holdKey)?.amount ?? 0n;
}

function moveToLocked(account: Account, hold: Hold, amount: Fixed): void {
  const balance = balanceOf(account, hold.asset);
  balance.free -= amount;
  balance.locked += amount;
  hold.amount += amount;
}
