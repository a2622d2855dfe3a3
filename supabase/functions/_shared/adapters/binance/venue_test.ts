import assert from "node:assert/strict";
import { buy, Floor, LIMIT, pair, sell, STOP, SYMBOL } from "../../../../../tests/harness/binance_floor.ts";

Deno.test("a market order comes back filled, with its fills and their fee in the asset received", async () => {
  const floor = new Floor();
  const { outcome, order, facts } = await floor.venue.submit(SYMBOL, buy("a-1"), floor.leave());
  assert.equal(outcome, "accepted");
  assert.deepEqual([order!.status, order!.executedQuantity, order!.price], ["filled", "0.01000000", null]);
  const { tradeId, value, fee, feeAsset, isMaker, side } = order!.fills![0]!;
  assert.deepEqual([value, fee, feeAsset, isMaker, side], ["600.01", "0.00001000", "BTC", false, "BUY"]);
  assert.deepEqual([facts.httpStatus, facts.orderCount10s], [200, 0]);

  const sold = await floor.venue.submit(SYMBOL, sell("a-2"), floor.leave());
  assert.deepEqual([sold.order!.fills![0]!.feeAsset, sold.order!.fills![0]!.fee], ["USDT", "0.59999000"]);

  const asked = await floor.venue.fills(SYMBOL, { exchangeOrderId: order!.exchangeOrderId }, floor.leave());
  assert.deepEqual(asked.fills!.map((fill) => [fill.tradeId, Number(fill.value), fill.isMaker]), [[
    tradeId,
    600.01,
    false,
  ]]);
});

Deno.test("a commission in BNB is told as such", async () => {
  const floor = new Floor({ USDT: "100000", BNB: "10" });
  floor.desk.priceTo(600);
  floor.desk.book([["599", "100"]], [["601", "100"]], "BNBUSDT");
  floor.desk.trade("600", "1", true, "BNBUSDT");
  floor.desk.simulator.state.accounts.get("main")!.paysFeesInBnb = true;
  const { order } = await floor.venue.submit(SYMBOL, buy("a-1"), floor.leave());
  assert.equal(order!.fills![0]!.feeAsset, "BNB");
});

Deno.test("limit, maker, IOC and FOK orders say where they stand", async () => {
  const floor = new Floor();
  const placed = async (id: string, rest: object) =>
    (await floor.venue.submit(SYMBOL, buy(id, rest), floor.leave())).order!;
  const resting = await placed("l-1", LIMIT);
  assert.deepEqual([resting.status, resting.price, resting.fills], ["working", "50000.00000000", []]);
  assert.equal((await placed("m-1", { type: "LIMIT_MAKER", price: "50000" })).status, "working");

  floor.desk.book([["59999", "1"]], [["60001", "0.004"]]);
  const partial = await placed("i-1", { type: "LIMIT", timeInForce: "IOC", price: "60001" });
  assert.deepEqual([partial.status, partial.executedQuantity], ["expired", "0.00400000"]);
  assert.equal(partial.expiryReason, "UNFILLED_IOC_QUANTITY_EXPIRED");
  assert.equal(partial.fills!.length, 1);
  const none = await placed("f-1", { type: "LIMIT", timeInForce: "FOK", price: "60001" });
  assert.deepEqual([none.status, none.executedQuantity, none.fills], ["expired", "0.00000000", []]);

  floor.desk.book([["49998", "1"]], [["49999", "0.004"]]);
  const looked = await floor.venue.lookup(SYMBOL, { clientOrderId: "l-1" }, floor.leave());
  assert.deepEqual([looked.order!.status, looked.order!.executedQuantity], [
    "partially_filled",
    "0.00400000",
  ]);
  assert.equal(looked.order!.fills, null);
});

Deno.test("stops wait as working orders and are found among the open ones", async () => {
  const floor = new Floor();
  const stop = await floor.venue.submit(SYMBOL, sell("s-1", STOP), floor.leave());
  assert.deepEqual([stop.order!.status, stop.order!.triggerPrice, stop.order!.price], [
    "working",
    "55000.00000000",
    null,
  ]);
  const limited = {
    type: "STOP_LOSS_LIMIT",
    triggerPrice: "54000",
    price: "53900",
    timeInForce: "GTC",
  } as const;
  assert.equal(
    (await floor.venue.submit(SYMBOL, sell("s-2", limited), floor.leave())).order!.status,
    "working",
  );
  for (const symbol of [SYMBOL, null]) {
    const { orders } = await floor.venue.openOrders(symbol, floor.leave());
    assert.deepEqual(orders!.map(({ clientOrderId }) => clientOrderId), ["s-1", "s-2"]);
  }
  floor.desk.priceTo(54_900);
  assert.equal(
    (await floor.venue.lookup(SYMBOL, { clientOrderId: "s-1" }, floor.leave())).order!.status,
    "filled",
  );
});

Deno.test("a stop that would trigger at once, a filter, and missing money are refused by their names", async () => {
  const floor = new Floor({ USDT: "100", BTC: "1" });
  const reason = async (order: ReturnType<typeof buy>) =>
    (await floor.venue.submit(SYMBOL, order, floor.leave())).reason;
  assert.equal(await reason(sell("s-1", { ...STOP, triggerPrice: "70000" })), "would_trigger_at_once");
  assert.equal(await reason(buy("n-1", { ...LIMIT, quantity: "0.00001" })), "filter_failed");
  assert.equal(await reason(buy("b-1")), "insufficient_funds");
  assert.equal(await reason(sell("d-1", STOP)), null);
  assert.equal(await reason(sell("d-1", STOP)), "duplicate_order");
  for (let n = 0; n < 4; n++) assert.equal(await reason(sell(`e-${n}`, STOP)), null);
  assert.equal(await reason(sell("e-9", STOP)), "too_many_orders");
});

Deno.test("a pair rests as one list, and one leg ends the other", async () => {
  const floor = new Floor();
  const { outcome, orders } = await floor.venue.submitPair(SYMBOL, pair(), floor.leave());
  assert.equal(outcome, "accepted");
  assert.deepEqual(orders!.map((each) => [each.clientOrderId, each.type, each.status]), [
    ["target-1", "LIMIT_MAKER", "working"],
    ["stop-1", "STOP_LOSS", "working"],
  ]);
  assert.equal(orders![0]!.listId, orders![1]!.listId);
  assert.notEqual(orders![0]!.listId, null);
  floor.desk.priceTo(54_000);
  const look = async (id: string) =>
    (await floor.venue.lookup(SYMBOL, { clientOrderId: id }, floor.leave())).order!;
  assert.equal((await look("stop-1")).status, "filled");
  const target = await look("target-1");
  assert.ok(["expired", "cancelled"].includes(target.status));
  assert.equal(target.expiryReason, "OCO_TRIGGER");
});

Deno.test("the stop of a pair may be a limit order, and the market between them decides", async () => {
  const floor = new Floor();
  const stop = { clientOrderId: "stop-1", triggerPrice: "55000", price: "54900" };
  const placed = await floor.venue.submitPair(SYMBOL, pair({ stop }), floor.leave());
  assert.deepEqual([placed.orders![1]!.type, placed.orders![1]!.price], [
    "STOP_LOSS_LIMIT",
    "54900.00000000",
  ]);
  floor.desk.priceTo(70_000);
  const beyond = { listClientOrderId: "list-2", target: { clientOrderId: "target-2", price: "65000" } };
  const late = await floor.venue.submitPair(SYMBOL, pair(beyond), floor.leave());
  assert.deepEqual([late.outcome, late.reason], ["rejected", "would_trigger_at_once"]);
});

Deno.test("a purchase that meets the account's own target gives way to it, and says so", async () => {
  const floor = new Floor();
  await floor.venue.submitPair(SYMBOL, pair(), floor.leave());
  floor.desk.book([["64998", "1"]], [["64999", "0.004"], ["65002", "1"]]);
  const limit = { type: "LIMIT", timeInForce: "IOC", price: "65100", quantity: "0.02" } as const;
  const { outcome, order } = await floor.venue.submit(SYMBOL, buy("b-1", limit), floor.leave());
  assert.equal(outcome, "accepted");
  assert.deepEqual([order!.status, order!.executedQuantity, order!.expiryReason], [
    "expired",
    "0.00400000",
    "EXPIRED_IN_MATCH",
  ]);
  const open = await floor.venue.openOrders(SYMBOL, floor.leave());
  assert.deepEqual(open.orders!.map((each) => each.clientOrderId).toSorted(), ["stop-1", "target-1"]);
});

Deno.test("a target that another order of the account ended says so, and so does its stop's end", async () => {
  const floor = new Floor();
  await floor.venue.submitPair(SYMBOL, pair(), floor.leave());
  floor.desk.book([["64998", "1"]], [["65002", "1"]]);
  floor.client.order({ symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: "0.02" });
  const [target, stop] = await Promise.all(
    ["target-1", "stop-1"].map(async (id) =>
      (await floor.venue.lookup(SYMBOL, { clientOrderId: id }, floor.leave())).order!
    ),
  );
  assert.deepEqual([target!.status, target!.expiryReason], ["expired", "EXPIRED_IN_MATCH"]);
  assert.ok(["expired", "cancelled"].includes(stop!.status), stop!.status);
});

Deno.test("a cancel names the order that it ended, with its list, and nothing twice", async () => {
  const floor = new Floor();
  await floor.venue.submit(SYMBOL, buy("l-1", LIMIT), floor.leave());
  const { order } = await floor.venue.cancel(SYMBOL, "l-1", floor.leave());
  assert.deepEqual([order!.clientOrderId, order!.status], ["l-1", "cancelled"]);
  const again = await floor.venue.cancel(SYMBOL, "l-1", floor.leave());
  assert.deepEqual([again.outcome, again.reason], ["rejected", "order_not_found"]);

  await floor.venue.submitPair(SYMBOL, pair(), floor.leave());
  const leg = await floor.venue.cancel(SYMBOL, "stop-1", floor.leave());
  assert.deepEqual([leg.order!.clientOrderId, leg.order!.status], ["stop-1", "cancelled"]);
  const target = await floor.venue.lookup(SYMBOL, { clientOrderId: "target-1" }, floor.leave());
  assert.equal(target.order!.status, "cancelled");
});

Deno.test("a replacement brings both orders, fails as a whole, or is half done", async () => {
  const floor = new Floor();
  await floor.venue.submitPair(SYMBOL, pair(), floor.leave());
  const replace = (cancelClientOrderId: string, order: ReturnType<typeof sell>) =>
    floor.venue.replace(SYMBOL, { cancelClientOrderId, order }, floor.leave());
  const moved = await replace("stop-1", sell("stop-2", { ...STOP, triggerPrice: "56000" }));
  assert.deepEqual([moved.cancelled!.clientOrderId, moved.cancelled!.status], ["stop-1", "cancelled"]);
  assert.deepEqual([moved.order!.clientOrderId, moved.order!.status], ["stop-2", "working"]);

  const gone = await replace("stop-1", sell("stop-3", STOP));
  assert.deepEqual([gone.outcome, gone.reason, gone.code], ["rejected", "cancel_failed", -2022]);
  assert.match(gone.message!, /-2011: Unknown order sent\./);
  assert.deepEqual(floor.truth("stop-3"), []);

  const half = await replace("stop-2", sell("stop-4", { ...STOP, quantity: "2" }));
  assert.deepEqual([half.outcome, half.reason, half.code], ["rejected", "replace_half_done", -2021]);
  assert.deepEqual([half.cancelled!.clientOrderId, half.cancelled!.status], ["stop-2", "cancelled"]);
  assert.match(half.message!, /insufficient balance/);
  assert.equal(floor.truth("stop-2")[0]!.status, "CANCELED");
  assert.deepEqual(floor.truth("stop-4"), []);

  await floor.venue.submitPair(SYMBOL, pair({ listClientOrderId: "list-9" }), floor.leave());
  const sold = await replace("stop-1", sell("exit-1"));
  assert.deepEqual([sold.outcome, sold.order!.status, sold.order!.fills!.length], ["accepted", "filled", 1]);
});

Deno.test("balances, the account's id, and the exchange's clock are read", async () => {
  const floor = new Floor({ USDT: "100", BTC: "0.5" });
  await floor.venue.submit(SYMBOL, sell("s-1", { ...STOP, quantity: "0.1" }), floor.leave());
  const { balances, account } = await floor.venue.balances(floor.leave());
  assert.deepEqual(balances, [
    { asset: "USDT", free: "100.00000000", locked: "0.00000000" },
    { asset: "BTC", free: "0.40000000", locked: "0.10000000" },
  ]);
  assert.equal(account!.canTrade, true);
  assert.match(account!.uid, /^\d+$/);
  floor.desk.simulator.skewMs = 7_000;
  assert.equal((await floor.venue.serverTime()).serverTimeMs, floor.desk.clock.now() + 7_000);
});

Deno.test("a revoked key, a key without trading, and a wrong secret are refused as keys", async () => {
  const floor = new Floor();
  const wrong = floor.leave();
  const forged = { ...wrong, key: { ...wrong.key, secret: "x".repeat(64) } };
  assert.equal((await floor.venue.submit(SYMBOL, buy("a-1"), forged)).reason, "key_refused");
  floor.client.key.canTrade = false;
  assert.equal((await floor.venue.balances(floor.leave())).outcome, "accepted");
  assert.equal((await floor.venue.submit(SYMBOL, buy("a-2"), floor.leave())).reason, "key_refused");
  floor.client.key.isRevoked = true;
  assert.equal((await floor.venue.balances(floor.leave())).reason, "key_refused");
});

Deno.test("a clock that is off is told as such, and the order does not exist", async () => {
  const floor = new Floor();
  for (const skew of [5_000, -5_000]) {
    floor.desk.simulator.skewMs = skew;
    const answer = await floor.venue.submit(SYMBOL, buy("a-1"), floor.leave());
    assert.deepEqual([answer.outcome, answer.reason, answer.code], ["rejected", "clock_skewed", -1021]);
  }
  assert.deepEqual(floor.truth("a-1"), []);
});

Deno.test("the permit's timestamp and window are what is signed, and nothing adds a broker's id", async () => {
  const floor = new Floor();
  const leave = {
    ...floor.leave(),
    window: {
      timestampMs: floor.desk.clock.now() - 900,
      recvWindowMs: 1_000,
      leaveByMs: floor.desk.clock.now() + 5,
    },
  };
  await floor.venue.submit(SYMBOL, buy("a-1"), leave);
  await floor.venue.submitPair(SYMBOL, pair(), leave);
  await floor.venue.cancel(SYMBOL, "stop-1", leave);
  for (const { params } of floor.desk.simulator.log) {
    const sent = new URLSearchParams(params);
    assert.equal(sent.get("timestamp"), String(leave.window.timestampMs));
    assert.equal(sent.get("recvWindow"), "1000");
    assert.ok(!params.includes("x-"), params);
  }
});

Deno.test("calls at the same time for different accounts are signed with their own keys", async () => {
  const floor = new Floor();
  const other = floor.desk.client("other", { USDT: "100" });
  const { apiKey, secret } = other.key;
  const asked = Array.from({ length: 20 }, (_, n) => {
    const leave = floor.leave();
    return floor.venue.balances(n % 2 === 0 ? leave : { ...leave, key: { apiKey, secret } });
  });
  const uids = (await Promise.all(asked)).map(({ account }) => account!.uid);
  assert.equal(new Set(uids).size, 2);
  uids.forEach((uid, n) => assert.equal(uid, uids[n % 2]));
});

Deno.test("an order is found by the exchange's id, with the id that we gave it", async () => {
  const floor = new Floor();
  const { order } = await floor.venue.submit(SYMBOL, buy("a-1"), floor.leave());
  const { exchangeOrderId } = order!;
  const found = await floor.venue.lookup(SYMBOL, { exchangeOrderId }, floor.leave());
  assert.deepEqual([found.order!.clientOrderId, found.order!.exchangeOrderId], ["a-1", exchangeOrderId]);
  const none = await floor.venue.lookup(SYMBOL, { exchangeOrderId: "987654321" }, floor.leave());
  assert.equal(none.reason, "order_not_found");
  const odd = await floor.venue.lookup(SYMBOL, { exchangeOrderId: "1&symbol=X" }, floor.leave());
  assert.deepEqual([odd.outcome, odd.reason], ["not_sent", "bad_request"]);
});

Deno.test("an order that is checked is judged by filters and market, and placed nowhere", async () => {
  const floor = new Floor();
  const check = (order = sell("c-1")) => floor.venue.checkOrder(SYMBOL, order, floor.leave());
  assert.equal((await check()).outcome, "accepted");
  const finer = await check(sell("c-1", { quantity: "0.000001" }));
  assert.deepEqual([finer.outcome, finer.reason], ["rejected", "filter_failed"]);
  floor.desk.simulator.state.markets.get(SYMBOL)!.rules.status = "HALT";
  const closed = await check();
  assert.deepEqual([closed.outcome, closed.reason], ["rejected", "symbol_not_trading"]);
  assert.deepEqual(floor.truth("c-1"), []);
});
