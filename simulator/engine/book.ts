import { type Fixed, minOf } from "../core/fixed.ts";
import type { Level, Market, Order, Side } from "./model.ts";
import { remainingOf } from "./orders.ts";

/** Something a taker can trade with: an order of an account, or what the rest of the market offers. */
export interface Offer {
  readonly price: Fixed;
  readonly quantity: Fixed;
  readonly maker: Order | null;
}

export function opposite(side: Side): Side {
  return side === "BUY" ? "SELL" : "BUY";
}

/** The offers of the rest of the market that a taker of `side` meets, best first. */
export function outsideAgainst({ outside }: Market, side: Side): Level[] {
  return side === "BUY" ? outside.asks : outside.bids;
}

/** Whether `price` is worse for a taker of `side` than `limit`. */
export function isWorse(side: Side, price: Fixed, limit: Fixed): boolean {
  return side === "BUY" ? price > limit : price < limit;
}

/** What a taker meets, best first and within `limit`. At one price the rest of the market was there first. */
export function* offersAgainst(market: Market, side: Side, limit: Fixed | null): Generator<Offer> {
  const levels = outsideAgainst(market, side);
  const makerIds = market.working[opposite(side)];
  let [nextLevel, nextMaker] = [0, 0];
  while (true) {
    const level = levels[nextLevel];
    const maker = market.orders.get(makerIds[nextMaker] ?? -1);
    const isLevel = level !== undefined && (maker === undefined || !isWorse(side, level.price, maker.price));
    const price = isLevel ? level.price : maker?.price;
    if (price === undefined || (limit !== null && isWorse(side, price, limit))) return;
    if (isLevel) {
      nextLevel++;
      if (level.quantity > 0n) yield { price, quantity: level.quantity, maker: null };
    } else {
      nextMaker++;
      yield { price, quantity: remainingOf(maker!), maker: maker! };
    }
  }
}

/** The first offer, with what a taker can get of it. */
export function bestOffer(market: Market, side: Side, limit: Fixed | null): Offer | null {
  return offersAgainst(market, side, limit).next().value ?? null;
}

/** Best price that a taker of `side` would get; null: none. */
export function bestPrice(market: Market, side: Side): Fixed | null {
  return bestOffer(market, side, null)?.price ?? null;
}

/** Puts an order into the book behind what is there at its price. */
export function restOrder(market: Market, order: Order): void {
  const ids = market.working[order.side];
  const taker = opposite(order.side);
  const isBehind = (id: number) => isWorse(taker, market.orders.get(id)!.price, order.price);
  const at = ids.findIndex(isBehind);
  ids.splice(at === -1 ? ids.length : at, 0, order.orderId);
  order.queueAhead = outsideAgainst(market, taker).find(({ price }) => price === order.price)?.quantity ?? 0n;
}

/** What the rest of the market offers at a price shrank: the queue ahead of our orders cannot be longer. */
export function shortenQueues(market: Market, side: Side): void {
  const levels = new Map(
    outsideAgainst(market, opposite(side)).map(({ price, quantity }) => [price, quantity]),
  );
  for (const id of market.working[side]) {
    const order = market.orders.get(id)!;
    if (order.queueAhead > 0n) order.queueAhead = minOf(order.queueAhead, levels.get(order.price) ?? 0n);
  }
}

/** All levels of one side, of the accounts and of the rest of the market together, best first. */
export function levelsOf(market: Market, side: Side, limit: number): Level[] {
  const levels: Level[] = [];
  for (const { price, quantity } of offersAgainst(market, opposite(side), null)) {
    const last = levels.at(-1);
    if (last?.price === price) last.quantity += quantity;
    else if (levels.length === limit) break;
    else levels.push({ price, quantity });
  }
  return levels;
}
