import assert from "node:assert/strict";
import { maxOf } from "../core/fixed.ts";
import { nextChance, nextInt, type Random, randomFrom } from "../core/random.ts";
import { Client, Desk } from "../testing.ts";
import { needOf } from "./holds.ts";
import type { ExchangeState, Execution, Order } from "./model.ts";
import { isContingent, isOpen, orderOf } from "./orders.ts";

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

/** What one step does: a request, which may meet a fault, or a move of the market. */
type Send = (method: string, path: string, params: Record<string, string | number>) => void;

function step(desk: Desk, send: Send, random: Random): void {
  const dice = nextInt(random, 10);
  if (dice < 4) send("POST", "order", { symbol: "BTCUSDT", ...anyOrder(random) });
  else if (dice < 6) {
    const [kind, list] = anyList(random);
    send("POST", `orderList/${kind}`, list);
  } else if (dice < 7) {
    send("DELETE", "order", { symbol: "BTCUSDT", orderId: 1 + nextInt(random, 200) });
  } else if (dice < 8) change(send, random);
  else if (dice < 9) desk.priceTo(anyPrice(random), `0.${1 + nextInt(random, 99)}`);
  else desk.trade(String(anyPrice(random)), `0.${1 + nextInt(random, 99)}`, nextChance(random, 0.5));
}

/** Makes an order smaller, or replaces it. */
function change(send: Send, random: Random): void {
  const orderId = 1 + nextInt(random, 200);
  if (nextChance(random, 0.5)) {
    const newQty = `0.${String(1 + nextInt(random, 50_000)).padStart(5, "0")}`;
    send("PUT", "order/amend/keepPriority", { symbol: "BTCUSDT", orderId, newQty });
  } else {
    send("POST", "order/cancelReplace", {
      symbol: "BTCUSDT",
      ...anyOrder(random),
      cancelReplaceMode: anyOf(random, ["STOP_ON_FAILURE", "ALLOW_FAILURE"]),
      cancelOrderId: orderId,
    });
  }
}

/** Two accounts and a seed's steps; half of the seeds let every third request meet a fault. */
async function play(
  seed: number,
  purpose: string,
  afterStep: (desk: Desk, at: number) => void,
): Promise<Desk> {
  const desk = new Desk(seed);
  const random = randomFrom(seed, purpose);
  const clients = ["a", "b"].map((id) => desk.client(id, { USDT: "50000", BTC: "1", BNB: "1" }));
  desk.trade("600", "1", true, "BNBUSDT");
  desk.simulator.state.accounts.get("b")!.paysFeesInBnb = true;
  if (seed % 2 === 0) desk.simulator.faults.addAll(0.33, 1_500);
  for (let at = 0; at < STEPS; at++) {
    const client = anyOf(random, clients);
    step(desk, (method, path, params) => {
      void desk.simulator.handle(client.request(method, `/api/v3/${path}`, params));
    }, random);
    await settled();
    desk.clock.advance(nextInt(random, 3_000));
    await settled();
    afterStep(desk, at);
  }
  return desk;
}

/** A request that slept goes on in microtasks. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

function assertBooksHold(desk: Desk): void {
  desk.assertNothingLeaked();
  const { state } = desk.simulator;
  assertHolds(state);
  const market = state.markets.get("BTCUSDT")!;
  for (const order of market.orders.values()) {
    const own = market.executions.filter((it) => it.orderId === order.orderId);
    assertExecutions(order, own);
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

/** What is locked is what the holds hold, and a hold holds what the dearest of its orders needs. */
function assertHolds(state: ExchangeState): void {
  const held = new Map<string, bigint>();
  for (const { accountId, asset, amount, orders } of state.holds.values()) {
    const of = orders.map((ref) => orderOf(state, ref));
    assert.ok(of.some(isOpen), "a hold outlives its orders");
    assert.equal(amount, of.map(needOf).reduce(maxOf, 0n), `hold of ${of.map(({ orderId }) => orderId)}`);
    const key = `${accountId} ${asset}`;
    held.set(key, (held.get(key) ?? 0n) + amount);
  }
  for (const { id, balances } of state.accounts.values()) {
    for (const [asset, { locked }] of balances) {
      assert.equal(locked, held.get(`${id} ${asset}`) ?? 0n, `${id} ${asset}`);
    }
  }
}

/** They add up to what the order says, none is at a price worse than its limit, and its kind was kept. */
function assertExecutions(order: Order, own: readonly Execution[]): void {
  const name = `order ${order.orderId}, ${order.type} ${order.timeInForce} ${order.side}`;
  assert.equal(own.reduce((sum, it) => sum + it.quantity, 0n), order.executed, name);
  assert.equal(own.reduce((sum, it) => sum + it.quote, 0n), order.executedQuote, name);
  for (const { price, isMaker, commission, at } of own) {
    const isWithin = order.price === 0n ||
      (order.side === "BUY" ? price <= order.price : price >= order.price);
    assert.ok(isWithin, `${name} at ${price}, limit ${order.price}`);
    assert.ok(isMaker || order.type !== "LIMIT_MAKER", `${name} took`);
    assert.ok(commission >= 0n && at >= order.createdAt, name);
  }
  assert.ok(order.executed + order.prevented <= order.quantity || isOpen(order), name);
  if (order.quoteQuantity > 0n) assert.ok(order.executedQuote <= order.quoteQuantity, name);
  if (order.timeInForce === "FOK" && order.prevented === 0n && order.status === "EXPIRED") {
    assert.equal(order.executed, 0n, name);
  }
  const waits = isContingent(order) && order.workingAt === null;
  if (isOpen(order) && !waits && order.status !== "PENDING_NEW") assert.equal(order.timeInForce, "GTC", name);
}

Deno.test(`whatever ${SEEDS} seeds do, no balance is below zero and no asset is made or lost`, async () => {
  let executions = 0;
  const faults = new Set<string | null>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const desk = await play(seed, "books", (one, at) => {
      try {
        assertBooksHold(one);
      } catch (error) {
        throw new Error(`seed ${seed}, step ${at}`, { cause: error });
      }
    });
    executions += desk.simulator.state.markets.get("BTCUSDT")!.executions.length;
    for (const { fault } of desk.simulator.log) faults.add(fault);
  }
  assert.ok(executions > SEEDS * 10, `only ${executions} executions: the steps prove little`);
  assert.ok(faults.size > 15, `only ${faults.size} kinds of faults`);
});

Deno.test("cancelling everything gives everything back", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const desk = await play(seed, "cancel", () => {});
    desk.simulator.faults.clear();
    desk.clock.advance(60_000);
    await settled();
    for (const [id, { accountId }] of desk.simulator.keys) {
      const client = new Client(desk, desk.simulator.keys.get(id)!);
      client.send("DELETE", "/api/v3/openOrders", { symbol: "BTCUSDT" });
      for (const asset of ["BTC", "USDT"]) {
        assert.equal(client.balance(asset).split("/")[1], "0", `${accountId} ${asset}`);
      }
    }
    assert.equal(desk.simulator.state.holds.size, 0);
  }
});
