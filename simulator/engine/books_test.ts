import assert from "node:assert/strict";
import { nextChance, nextInt, type Random, randomFrom } from "../core/random.ts";
import { type Client, Desk } from "../testing.ts";
import { isOpen } from "./orders.ts";

const SEEDS = 40;
const STEPS = 150;
const MODES = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"] as const;

function anyOf<T>(random: Random, values: readonly T[]): T {
  return values[nextInt(random, values.length)]!;
}

function anyPrice(random: Random): number {
  return 58_000 + nextInt(random, 4_000);
}

function anyOrder(random: Random): Record<string, string | number> {
  const type = anyOf(random, [
    "LIMIT",
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
  ]);
  const order: Record<string, string | number> = {
    side: anyOf(random, ["BUY", "SELL"]),
    type,
    selfTradePreventionMode: anyOf(random, MODES),
  };
  if (type === "MARKET" && nextChance(random, 0.3)) order.quoteOrderQty = 100 + nextInt(random, 20_000);
  else order.quantity = `0.${String(1 + nextInt(random, 99_999)).padStart(5, "0")}`;
  if (type.includes("LIMIT")) order.price = anyPrice(random);
  if (type === "LIMIT" || type.endsWith("_LIMIT")) {
    order.timeInForce = anyOf(random, ["GTC", "GTC", "IOC", "FOK"]);
  }
  if (/^(STOP|TAKE)/.test(type)) order.stopPrice = anyPrice(random);
  return order;
}

function anyList(random: Random): readonly [string, Record<string, string | number>] {
  const side = anyOf(random, ["BUY", "SELL"]);
  const [high, low] = [60_100 + nextInt(random, 1_500), 59_900 - nextInt(random, 1_500)];
  const stop = (prefix: string, price: number) => ({
    [`${prefix}Type`]: "STOP_LOSS",
    [`${prefix}StopPrice`]: price,
  });
  const profit = (prefix: string, price: number) => ({
    [`${prefix}Type`]: "LIMIT_MAKER",
    [`${prefix}Price`]: price,
  });
  const quantity = `0.${String(1_000 + nextInt(random, 90_000)).padStart(5, "0")}`;
  const pair = (above: string, below: string) =>
    side === "SELL"
      ? { ...profit(above, high), ...stop(below, low) }
      : { ...stop(above, high), ...profit(below, low) };
  const symbol = { symbol: "BTCUSDT" };
  if (nextChance(random, 0.5)) return ["oco", { ...symbol, side, quantity, ...pair("above", "below") }];
  return ["otoco", {
    ...symbol,
    workingType: "LIMIT",
    workingSide: side === "SELL" ? "BUY" : "SELL",
    workingPrice: 59_500 + nextInt(random, 1_000),
    workingQuantity: quantity,
    workingTimeInForce: "GTC",
    pendingSide: side,
    pendingQuantity: quantity,
    ...pair("pendingAbove", "pendingBelow"),
  }];
}

function step(desk: Desk, clients: readonly Client[], random: Random): void {
  const client = anyOf(random, clients);
  const dice = nextInt(random, 10);
  if (dice < 4) client.send("POST", "/api/v3/order", { symbol: "BTCUSDT", ...anyOrder(random) });
  else if (dice < 6) {
    const [kind, list] = anyList(random);
    client.send("POST", `/api/v3/orderList/${kind}`, list);
  } else if (dice < 7) {
    client.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", orderId: 1 + nextInt(random, 200) });
  } else if (dice < 8) change(client, random);
  else if (dice < 9) desk.priceTo(anyPrice(random), `0.${1 + nextInt(random, 99)}`);
  else desk.trade(String(anyPrice(random)), `0.${1 + nextInt(random, 99)}`, nextChance(random, 0.5));
  desk.clock.advance(nextInt(random, 3_000));
}

/** Makes an order smaller, or replaces it. */
function change(client: Client, random: Random): void {
  const orderId = 1 + nextInt(random, 200);
  if (nextChance(random, 0.5)) {
    const newQty = `0.${String(1 + nextInt(random, 50_000)).padStart(5, "0")}`;
    client.send("PUT", "/api/v3/order/amend/keepPriority", { symbol: "BTCUSDT", orderId, newQty });
  } else {
    client.send("POST", "/api/v3/order/cancelReplace", {
      symbol: "BTCUSDT",
      ...anyOrder(random),
      cancelReplaceMode: anyOf(random, ["STOP_ON_FAILURE", "ALLOW_FAILURE"]),
      cancelOrderId: orderId,
    });
  }
}

function assertBooksHold(desk: Desk): void {
  desk.assertNothingLeaked();
  const { state } = desk.simulator;
  const held = new Map<string, bigint>();
  for (const { accountId, asset, amount, orders } of state.holds.values()) {
    assert.ok(amount >= 0n, "a hold is below zero");
    assert.ok(orders.some(({ symbol, orderId }) => isOpen(state.markets.get(symbol)!.orders.get(orderId)!)));
    const key = `${accountId} ${asset}`;
    held.set(key, (held.get(key) ?? 0n) + amount);
  }
  for (const { id, balances } of state.accounts.values()) {
    for (const [asset, { locked }] of balances) {
      assert.equal(locked, held.get(`${id} ${asset}`) ?? 0n, `${id} ${asset}`);
    }
  }
  const market = state.markets.get("BTCUSDT")!;
  for (const order of market.orders.values()) {
    const own = market.executions.filter((it) => it.orderId === order.orderId);
    assert.equal(own.reduce((sum, it) => sum + it.quantity, 0n), order.executed);
    assert.equal(own.reduce((sum, it) => sum + it.quote, 0n), order.executedQuote);
    const places = [market.working.BUY, market.working.SELL, market.stops].filter((ids) =>
      ids.includes(order.orderId)
    );
    const isPlaced = isOpen(order) && order.status !== "PENDING_NEW";
    assert.equal(
      places.length,
      isPlaced ? 1 : 0,
      `order ${order.orderId} is ${order.status} and in ${places.length} places`,
    );
  }
}

Deno.test(`whatever ${SEEDS} seeds do, no balance is below zero and no asset is made or lost`, () => {
  let executions = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const desk = new Desk(seed);
    const random = randomFrom(seed, "books");
    const clients = ["a", "b"].map((id) => desk.client(id, { USDT: "50000", BTC: "1", BNB: "1" }));
    desk.trade("600", "1", true, "BNBUSDT");
    desk.simulator.state.accounts.get("b")!.paysFeesInBnb = true;
    for (let at = 0; at < STEPS; at++) {
      step(desk, clients, random);
      try {
        assertBooksHold(desk);
      } catch (error) {
        throw new Error(`seed ${seed}, step ${at}`, { cause: error });
      }
    }
    executions += desk.simulator.state.markets.get("BTCUSDT")!.executions.length;
  }
  assert.ok(executions > SEEDS * 10, `only ${executions} executions: the steps prove little`);
});

Deno.test("cancelling everything gives everything back", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const desk = new Desk(seed);
    const random = randomFrom(seed, "cancel");
    const clients = ["a", "b"].map((id) => desk.client(id, { USDT: "50000", BTC: "1" }));
    for (let at = 0; at < STEPS; at++) step(desk, clients, random);
    for (const client of clients) {
      client.send("DELETE", "/api/v3/openOrders", { symbol: "BTCUSDT" });
      for (const asset of ["BTC", "USDT"]) assert.equal(client.balance(asset).split("/")[1], "0");
    }
    assert.equal(desk.simulator.state.holds.size, 0);
  }
});
