import assert from "node:assert/strict";
import { fixed } from "../core/fixed.ts";
import { Desk } from "../testing.ts";

const BUY = { side: "BUY", type: "LIMIT", timeInForce: "GTC" } as const;
const SELL = { side: "SELL", type: "LIMIT", timeInForce: "GTC" } as const;

Deno.test("a market order takes the best offers first, and the fee comes from what it receives", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  desk.book([["59999", "1"]], [["60001", "0.5"], ["60002", "0.2"], ["60010", "5"]]);
  const order = client.order({ side: "BUY", type: "MARKET", quantity: "1" });
  assert.equal(order.status, "FILLED");
  assert.deepEqual(
    order.fills.map((fill: { price: string; qty: string }) => [fill.price, fill.qty]),
    [["60001.00000000", "0.50000000"], ["60002.00000000", "0.20000000"], ["60010.00000000", "0.30000000"]],
  );
  assert.deepEqual(order.fills[0].commissionAsset, "BTC");
  assert.equal(order.cummulativeQuoteQty, "60003.90000000");
  assert.equal(client.balance("BTC"), "0.999/0");
  assert.equal(client.balance("USDT"), "39996.1/0");
  desk.assertNothingLeaked();
});

Deno.test("a market order that empties the book expires with what it got", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  desk.book([["59999", "1"]], [["60001", "0.5"]]);
  const order = client.order({ side: "BUY", type: "MARKET", quantity: "1" });
  assert.equal(order.status, "EXPIRED");
  assert.equal(order.executedQty, "0.50000000");
  assert.equal(order.expiryReason, "INSUFFICIENT_LIQUIDITY");
  assert.equal(client.balance("USDT"), "69999.5/0");
});

Deno.test("an order by value buys whole lots and leaves the rest", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000" });
  const order = client.order({ side: "BUY", type: "MARKET", quoteOrderQty: "100" });
  assert.equal(order.status, "FILLED");
  assert.equal(order.origQty, "0.00166000");
  assert.equal(order.origQuoteOrderQty, "100.00000000");
  assert.equal(client.balance("USDT"), "900.39834/0");
  const sold = client.order({ side: "SELL", type: "MARKET", quoteOrderQty: "50" });
  assert.equal(sold.executedQty, "0.00083000");
});

Deno.test("a limit order locks its price, improves where it can, and gives the rest back", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "10000" });
  desk.book([["59999", "1"]], [["60001", "0.01"]]);
  const order = client.order({ ...BUY, quantity: "0.1", price: "60500" });
  assert.equal(order.status, "PARTIALLY_FILLED");
  assert.equal(order.fills[0].price, "60001.00000000");
  assert.equal(client.balance("USDT"), "3954.99/5445");
  client.ok("DELETE", "/api/v3/order", { symbol: "BTCUSDT", orderId: order.orderId });
  assert.equal(client.balance("USDT"), "9399.99/0");
  assert.equal(client.query(order.orderId).executedQty, "0.01000000");
  desk.assertNothingLeaked();
});

Deno.test("a resting order is filled at its own price, in parts, as a maker", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "10000" });
  const { orderId } = client.order({ ...BUY, quantity: "0.1", price: "59000" });
  desk.trade("58999", "0.04");
  assert.equal(client.query(orderId).status, "PARTIALLY_FILLED");
  desk.book([["58000", "1"]], [["58500", "3"]]);
  assert.equal(client.query(orderId).status, "FILLED");
  const trades = client.ok("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" });
  assert.deepEqual(
    trades.map((it: { price: string; qty: string; isMaker: boolean }) => [it.price, it.qty, it.isMaker]),
    [["59000.00000000", "0.04000000", true], ["59000.00000000", "0.06000000", true]],
  );
  desk.assertNothingLeaked();
});

Deno.test("offers that cross a resting order fill it level by level, until they or it are used up", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  const { orderId } = client.order({ ...BUY, quantity: "1", price: "59000" });
  desk.book([["58000", "1"]], [["58500", "0.3"], ["58900", "0.4"], ["59001", "5"]]);
  assert.equal(client.query(orderId).executedQty, "0.70000000");
  assert.equal(client.query(orderId).cummulativeQuoteQty, "41300.00000000");
  desk.book([["58000", "1"]], [["58500", "0.5"], ["58900", "0.4"]]);
  assert.equal(client.query(orderId).status, "FILLED");
  const request = {
    method: "GET",
    path: "/api/v3/depth",
    query: "symbol=BTCUSDT",
    body: "",
    apiKey: null,
    ip: "",
  };
  const { asks } = JSON.parse(desk.simulator.api.handle(request).body);
  assert.deepEqual(asks, [["58500.00000000", "0.20000000"], ["58900.00000000", "0.40000000"]]);
});

Deno.test("at its price an order waits until those ahead of it have traded", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  desk.book([["59999", "2"]], [["60001", "2"]]);
  const { orderId } = client.order({ ...BUY, quantity: "0.5", price: "59999" });
  desk.trade("59999", "1.5");
  assert.equal(client.query(orderId).executedQty, "0.00000000");
  desk.trade("59999", "0.7");
  assert.equal(client.query(orderId).executedQty, "0.20000000");
});

Deno.test("two accounts trade with each other, one as maker and one as taker, under one trade id", () => {
  const desk = new Desk();
  const maker = desk.client("maker", { BTC: "1" });
  const taker = desk.client("taker", { USDT: "100000" });
  maker.order({ ...SELL, quantity: "0.5", price: "60000.5" });
  const order = taker.order({ ...BUY, quantity: "0.5", price: "60001" });
  assert.equal(order.fills[0].price, "60000.50000000");
  const [theirs] = maker.ok("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" });
  assert.equal(theirs.id, order.fills[0].tradeId);
  assert.equal(theirs.isMaker, true);
  assert.equal(maker.balance("USDT"), "29970.24975/0");
  desk.assertNothingLeaked();
});

Deno.test("IOC leaves nothing behind, FOK is all or nothing, LIMIT_MAKER never takes", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000000" });
  desk.book([["59999", "1"]], [["60001", "0.5"]]);
  const fok = client.order({ ...BUY, timeInForce: "FOK", quantity: "1", price: "60001" });
  assert.deepEqual([fok.status, fok.executedQty, fok.expiryReason], [
    "EXPIRED",
    "0.00000000",
    "UNFILLED_FOK_ORDER_EXPIRED",
  ]);
  const ioc = client.order({ ...BUY, timeInForce: "IOC", quantity: "1", price: "60001" });
  assert.deepEqual([ioc.status, ioc.executedQty, ioc.expiryReason], [
    "EXPIRED",
    "0.50000000",
    "UNFILLED_IOC_QUANTITY_EXPIRED",
  ]);
  desk.book([["59999", "1"]], [["60001", "0.5"]]);
  assert.equal(
    client.refusedOrder({ side: "BUY", type: "LIMIT_MAKER", quantity: "1", price: "60001" }),
    "-2010: Order would immediately match and take.",
  );
  assert.equal(client.balance("USDT").split("/")[1], "0");
});

Deno.test("commission is paid in BNB while there is enough, else whole in the asset received", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000", BNB: "0.1" });
  desk.trade("600", "1", true, "BNBUSDT");
  desk.simulator.state.accounts.get("a")!.paysFeesInBnb = true;
  const first = client.order({ side: "BUY", type: "MARKET", quantity: "1" });
  // 60001 × 0.1 % × 0.75 / 600
  assert.deepEqual([first.fills[0].commission, first.fills[0].commissionAsset], ["0.07500125", "BNB"]);
  const second = client.order({ side: "SELL", type: "MARKET", quantity: "1" });
  assert.equal(second.fills[0].commissionAsset, "USDT");
  assert.equal(second.fills[0].commission, "59.99900000");
  desk.assertNothingLeaked();
});

for (
  const [mode, taker, maker] of [
    ["EXPIRE_MAKER", "FILLED", "EXPIRED_IN_MATCH"],
    ["EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"],
    ["EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"],
    ["DECREMENT", "EXPIRED_IN_MATCH", "NEW"],
    ["NONE", "FILLED", "PARTIALLY_FILLED"],
  ] as const
) {
  Deno.test(`orders of one account that meet end as the taker's mode says: ${mode}`, () => {
    const desk = new Desk();
    const client = desk.client("a", { USDT: "100000", BTC: "1" });
    const resting = client.order({ ...SELL, quantity: "0.5", price: "60000" });
    const order = client.order({ ...BUY, quantity: "0.2", price: "60001", selfTradePreventionMode: mode });
    assert.equal(order.status, taker);
    assert.equal(client.query(resting.orderId).status, maker);
    desk.assertNothingLeaked();
    client.send("DELETE", "/api/v3/openOrders", { symbol: "BTCUSDT" });
    assert.equal(client.balance("USDT").split("/")[1], "0");
    assert.equal(client.balance("BTC").split("/")[1], "0");
  });
}

Deno.test("an order that cannot be paid is refused and changes nothing", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100" });
  const refusal = "-2010: Account has insufficient balance for requested action.";
  assert.equal(client.refusedOrder({ side: "BUY", type: "MARKET", quantity: "1" }), refusal);
  assert.equal(client.refusedOrder({ ...SELL, quantity: "1", price: "70000" }), refusal);
  assert.equal(client.balance("USDT"), "100/0");
  assert.deepEqual(client.ok("GET", "/api/v3/allOrders", { symbol: "BTCUSDT" }), []);
});

Deno.test("who rests pays the maker's rate and who takes the taker's", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000", BTC: "1" });
  const account = desk.simulator.state.accounts.get("a")!;
  [account.makerRate, account.takerRate] = [fixed("0.0002"), fixed("0.001")];
  const taken = client.order({ ...BUY, quantity: "0.1", price: "60001" });
  assert.equal(taken.fills[0].commission, "0.00010000");
  client.order({ ...BUY, quantity: "0.1", price: "59500" });
  desk.trade("59400", "0.1");
  const trades = client.ok("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" });
  assert.deepEqual(
    trades.map((it: { isMaker: boolean; commission: string }) => [it.isMaker, it.commission]),
    [[false, "0.00010000"], [true, "0.00002000"]],
  );
});

Deno.test("a sale at market needs all that it would sell, though the book would take less", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  desk.book([["59999", "0.2"]], [["60001", "1"]]);
  const sell = { side: "SELL", type: "MARKET" } as const;
  assert.match(client.refusedOrder({ ...sell, quantity: "0.6" }), /insufficient balance/);
  const { status, executedQty } = client.order({ ...sell, quantity: "0.5" });
  assert.deepEqual([status, executedQty], ["EXPIRED", "0.20000000"]);
  assert.equal(client.balance("BTC"), "0.3/0");
});

Deno.test("a fee in BNB is a share of the BNB where they are what is traded", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000", BNB: "1" });
  desk.simulator.state.accounts.get("a")!.paysFeesInBnb = true;
  desk.book([["599", "10"]], [["601", "10"]], "BNBUSDT");
  desk.trade("300", "1", true, "BNBUSDT");
  const { fills } = client.order({ symbol: "BNBUSDT", side: "BUY", type: "MARKET", quantity: "1" });
  assert.deepEqual([fills[0].commission, fills[0].commissionAsset], ["0.00075000", "BNB"]);
});

Deno.test("who stood ahead in the queue and left is not waited for", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  desk.book([["59999", "2"]], [["60001", "2"]]);
  const { orderId } = client.order({ ...BUY, quantity: "0.5", price: "59999" });
  desk.book([["59999", "0.1"]], [["60001", "2"]]);
  desk.trade("59999", "0.3");
  assert.equal(client.query(orderId).executedQty, "0.20000000");
});

Deno.test("of our orders the better price is met first, and at one price the older", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  const place = (price: string) => client.order({ ...BUY, quantity: "0.1", price }).orderId as number;
  const ids = [place("58000"), place("59000"), place("59000"), place("58500")];
  desk.trade("57000", "0.25");
  assert.deepEqual(ids.map((id) => client.query(id).executedQty.slice(0, 4)), [
    "0.00",
    "0.10",
    "0.10",
    "0.05",
  ]);
});

Deno.test("the rest of the market stands ahead of our offer at the same price", () => {
  const desk = new Desk();
  const [maker, taker] = [desk.client("m", { BTC: "1" }), desk.client("t", { USDT: "100000" })];
  maker.order({ ...SELL, quantity: "0.5", price: "60001" });
  desk.book([["59999", "1"]], [["60001", "0.3"]]);
  taker.order({ ...BUY, quantity: "0.4", price: "60001" });
  assert.equal(maker.balance("BTC"), "0.5/0.4");
});

Deno.test("the average price is of the last five minutes", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000000" });
  desk.trade("60000", "1000");
  desk.clock.advance(300_000);
  desk.trade("30000", "1");
  const request = { method: "GET", path: "/api/v3/avgPrice", body: "", apiKey: null, ip: "" };
  const { body } = desk.simulator.api.handle({ ...request, query: "symbol=BTCUSDT" });
  assert.equal(JSON.parse(body).price, "30000.00000000");
  assert.match(client.refusedOrder({ ...BUY, quantity: "0.001", price: "150001" }), /PERCENT_PRICE_BY_SIDE/);
});
