import assert from "node:assert/strict";
import { type Client, Desk } from "../testing.ts";

const OCO = {
  symbol: "BTCUSDT",
  side: "SELL",
  quantity: "0.5",
  aboveType: "LIMIT_MAKER",
  abovePrice: "62000",
  aboveClientOrderId: "tp",
  belowType: "STOP_LOSS",
  belowStopPrice: "58000",
  belowClientOrderId: "sl",
  listClientOrderId: "exit",
};
const OTOCO = {
  symbol: "BTCUSDT",
  workingType: "LIMIT",
  workingSide: "BUY",
  workingPrice: "59500",
  workingQuantity: "0.5",
  workingTimeInForce: "GTC",
  workingClientOrderId: "entry",
  pendingSide: "SELL",
  pendingQuantity: "0.499",
  pendingAboveType: "LIMIT_MAKER",
  pendingAbovePrice: "62000",
  pendingAboveClientOrderId: "tp",
  pendingBelowType: "STOP_LOSS_LIMIT",
  pendingBelowStopPrice: "58000",
  pendingBelowPrice: "57900",
  pendingBelowTimeInForce: "GTC",
  pendingBelowClientOrderId: "sl",
  listClientOrderId: "bracket",
};

function states(client: Client, ...ids: string[]): string[] {
  return ids.map((origClientOrderId) => {
    const order = client.ok("GET", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId });
    return order.expiryReason === undefined ? order.status : `${order.status} ${order.expiryReason}`;
  });
}

function listStatus(client: Client, listClientOrderId: string): string {
  return client.ok("GET", "/api/v3/orderList", { origClientOrderId: listClientOrderId }).listOrderStatus;
}

Deno.test("an OCO holds what one leg needs, and its stop shows that it does not work yet", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  const list = client.ok("POST", "/api/v3/orderList/oco", OCO);
  assert.equal(list.contingencyType, "OCO");
  assert.equal(list.listOrderStatus, "EXECUTING");
  assert.equal(client.balance("BTC"), "0/0.5");
  const stop = list.orderReports[1];
  assert.deepEqual([stop.workingTime, stop.stopPrice, stop.orderListId], [
    -1,
    "58000.00000000",
    list.orderListId,
  ]);
  const seen = client.query(stop.orderId);
  assert.deepEqual([seen.isWorking, seen.workingTime, seen.status], [false, -1, "NEW"]);
});

Deno.test("when the stop of an OCO triggers, the other leg leaves and the stop sells at market", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  client.ok("POST", "/api/v3/orderList/oco", OCO);
  desk.priceTo(57_500);
  assert.deepEqual(states(client, "tp", "sl"), ["EXPIRED OCO_TRIGGER", "FILLED"]);
  assert.equal(listStatus(client, "exit"), "ALL_DONE");
  assert.equal(client.balance("BTC"), "0/0");
  const [trade] = client.ok("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" });
  assert.equal(trade.price, "57499.00000000");
  desk.assertNothingLeaked();
});

Deno.test("when the limit of an OCO is touched, the stop is gone with its first part", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  client.ok("POST", "/api/v3/orderList/oco", OCO);
  desk.trade("62001", "0.1", false);
  assert.deepEqual(states(client, "tp", "sl"), ["PARTIALLY_FILLED", "EXPIRED OCO_TRIGGER"]);
  assert.equal(listStatus(client, "exit"), "EXECUTING");
  assert.equal(client.balance("BTC"), "0/0.4");
  desk.priceTo(63_000);
  assert.equal(listStatus(client, "exit"), "ALL_DONE");
  desk.assertNothingLeaked();
});

Deno.test("cancelling one leg cancels the list, whose id is then free again", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  client.ok("POST", "/api/v3/orderList/oco", OCO);
  assert.equal(client.refused("POST", "/api/v3/orderList/oco", OCO), "-2010: Duplicate order sent.");
  const answer = client.ok("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "sl" });
  assert.equal(answer.listOrderStatus, "ALL_DONE");
  assert.equal(answer.orderReports.length, 2);
  assert.deepEqual(states(client, "tp", "sl"), ["CANCELED", "CANCELED"]);
  assert.equal(client.balance("BTC"), "0.5/0");
  client.ok("POST", "/api/v3/orderList/oco", OCO);
  client.ok("DELETE", "/api/v3/orderList", { symbol: "BTCUSDT", listClientOrderId: "exit" });
  assert.equal(
    client.refused("DELETE", "/api/v3/orderList", { symbol: "BTCUSDT", listClientOrderId: "exit" }),
    "-2011: Unknown order sent.",
  );
});

Deno.test("an OCO with its prices on the wrong side of the market is refused whole", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  assert.equal(
    client.refused("POST", "/api/v3/orderList/oco", { ...OCO, belowStopPrice: "60500" }),
    "-2010: The relationship of the prices for the orders is not correct.",
  );
  assert.match(
    client.refused("POST", "/api/v3/orderList/oco", { ...OCO, aboveType: "STOP_LOSS" }),
    /^-1106|^-1102|^-1158/,
  );
  assert.equal(client.balance("BTC"), "0.5/0");
});

Deno.test("an OTOCO's pending legs begin when the entry is filled whole, not before", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "30000" });
  const list = client.ok("POST", "/api/v3/orderList/otoco", OTOCO);
  assert.equal(list.contingencyType, "OTO");
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["NEW", "PENDING_NEW", "PENDING_NEW"]);
  desk.trade("59400", "0.2");
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["PARTIALLY_FILLED", "PENDING_NEW", "PENDING_NEW"]);
  desk.trade("59400", "0.3");
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["FILLED", "NEW", "NEW"]);
  assert.equal(client.balance("BTC"), "0.0005/0.499");
  desk.book([["57950", "1"]], [["58100", "1"]]);
  desk.trade("57950", "0.01");
  assert.deepEqual(states(client, "tp", "sl"), ["EXPIRED OCO_TRIGGER", "FILLED"]);
  assert.equal(listStatus(client, "bracket"), "ALL_DONE");
  desk.assertNothingLeaked();
});

Deno.test("an OTOCO filled at once still answers with pending legs", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  const list = client.ok("POST", "/api/v3/orderList/otoco", { ...OTOCO, workingPrice: "60001" });
  assert.deepEqual(
    list.orderReports.map(({ status }: { status: string }) => status),
    ["FILLED", "PENDING_NEW", "PENDING_NEW"],
  );
  assert.deepEqual(states(client, "tp", "sl"), ["NEW", "NEW"]);
});

Deno.test("pending legs that the fee made too large die as REJECTED: the position is naked", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  const list = client.ok("POST", "/api/v3/orderList/otoco", {
    ...OTOCO,
    pendingQuantity: "0.5",
    workingPrice: "60001",
  });
  assert.equal(list.listOrderStatus, "EXECUTING", "the answer is from before that");
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["FILLED", "EXPIRED REJECTED", "EXPIRED REJECTED"]);
  assert.equal(client.balance("BTC"), "0.4995/0");
  assert.equal(listStatus(client, "bracket"), "ALL_DONE");
});

Deno.test("a pending stop that the market has passed already is refused when its turn comes", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "70000" });
  client.ok("POST", "/api/v3/orderList/otoco", OTOCO);
  desk.book([["56999", "1"]], [["57001", "1"]]);
  assert.deepEqual(
    states(client, "entry", "tp", "sl"),
    ["FILLED", "NEW", "NEW"],
    "the last price is still above",
  );
  client.ok("DELETE", "/api/v3/openOrders", { symbol: "BTCUSDT" });
  desk.priceTo(60_000);
  client.ok("POST", "/api/v3/orderList/otoco", { ...OTOCO, pendingQuantity: "0.4" });
  desk.trade("57500", "0.6");
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["FILLED", "EXPIRED REJECTED", "EXPIRED REJECTED"]);
  desk.assertNothingLeaked();
});

Deno.test("cancelling the working order cancels what waits for it", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  client.ok("POST", "/api/v3/orderList/otoco", OTOCO);
  client.ok("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "entry" });
  assert.deepEqual(states(client, "entry", "tp", "sl"), ["CANCELED", "CANCELED", "CANCELED"]);
  assert.equal(client.balance("USDT"), "40000/0");
});

Deno.test("an OTO places its one pending order when the working one is filled", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  client.ok("POST", "/api/v3/orderList/oto", {
    symbol: "BTCUSDT",
    workingType: "LIMIT",
    workingSide: "BUY",
    workingPrice: "59500",
    workingQuantity: "0.5",
    workingTimeInForce: "GTC",
    pendingType: "STOP_LOSS",
    pendingSide: "SELL",
    pendingQuantity: "0.49",
    pendingStopPrice: "58000",
    pendingClientOrderId: "sl",
  });
  desk.trade("59400", "1");
  assert.deepEqual(states(client, "sl"), ["NEW"]);
  desk.priceTo(57_000);
  assert.deepEqual(states(client, "sl"), ["FILLED"]);
  desk.assertNothingLeaked();
});

Deno.test("a stop that buys locks its stop price, and dies when the market asks for more than there is", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "31000" });
  client.order({
    side: "BUY",
    type: "STOP_LOSS",
    quantity: "0.5",
    stopPrice: "61000",
    newClientOrderId: "in",
  });
  assert.equal(client.balance("USDT"), "500/30500");
  desk.priceTo(63_000);
  assert.deepEqual(states(client, "in"), ["EXPIRED REJECTED"]);
  assert.equal(client.balance("USDT"), "31000/0");
  client.order({
    side: "BUY",
    type: "STOP_LOSS",
    quantity: "0.4",
    stopPrice: "64000",
    newClientOrderId: "in",
  });
  desk.priceTo(65_000);
  assert.deepEqual(states(client, "in"), ["FILLED"]);
  desk.assertNothingLeaked();
});

Deno.test("a stop that triggers into an empty book expires: protection is not guaranteed", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5" });
  const stop = {
    side: "SELL",
    type: "STOP_LOSS",
    quantity: "0.5",
    stopPrice: "58000",
    newClientOrderId: "sl",
  };
  client.order(stop);
  desk.book([], [["58000", "1"]]);
  desk.trade("57999", "0.1");
  assert.deepEqual(states(client, "sl"), ["EXPIRED INSUFFICIENT_LIQUIDITY"]);
  assert.equal(client.balance("BTC"), "0.5/0");
});

for (
  const [side, type, triggers, doesNot] of [
    ["SELL", "STOP_LOSS", 57_900, 58_100],
    ["SELL", "TAKE_PROFIT", 62_100, 61_900],
    ["BUY", "STOP_LOSS", 62_100, 61_900],
    ["BUY", "TAKE_PROFIT", 57_900, 58_100],
  ] as const
) {
  Deno.test(`a ${type} ${side} is triggered from the right side only`, () => {
    const desk = new Desk();
    const client = desk.client("a", { BTC: "1", USDT: "100000" });
    const stopPrice = triggers > 60_000 ? "62000" : "58000";
    const { orderId } = client.order({ side, type, quantity: "0.5", stopPrice });
    desk.priceTo(doesNot);
    assert.equal(client.query(orderId).status, "NEW");
    desk.priceTo(Number(stopPrice));
    assert.equal(client.query(orderId).status, "FILLED", "it is reached when it is met");
    const wrong = triggers > 60_000 ? "50000" : "70000";
    assert.equal(
      client.refusedOrder({ side, type, quantity: "0.5", stopPrice: wrong }),
      "-2010: Order would trigger immediately.",
    );
    desk.assertNothingLeaked();
  });
}

Deno.test("a leg that prevents a self-trade takes its list with it", () => {
  const desk = new Desk();
  const client = desk.client("a", { BTC: "0.5", USDT: "100000" });
  client.ok("POST", "/api/v3/orderList/oco", OCO);
  desk.book([["61000", "1"]], [["63000", "1"]]);
  client.order({ side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.1", price: "62000" });
  assert.deepEqual(states(client, "tp", "sl"), ["EXPIRED_IN_MATCH", "EXPIRED EXCHANGE_CANCELED"]);
  assert.equal(listStatus(client, "exit"), "ALL_DONE");
  assert.equal(client.balance("BTC"), "0.5/0");
});

Deno.test("what waits for an order that expires unfilled expires with it, and says so", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  client.ok("POST", "/api/v3/orderList/otoco", { ...OTOCO, workingTimeInForce: "IOC" });
  assert.deepEqual(states(client, "entry", "tp", "sl"), [
    "EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED",
    "EXPIRED OTO_PHASE_ONE_EXPIRED",
    "EXPIRED OTO_PHASE_ONE_EXPIRED",
  ]);
});

Deno.test("a bracket's target is above its stop, and its stop keeps its time in force", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "40000" });
  assert.equal(
    client.refused("POST", "/api/v3/orderList/otoco", { ...OTOCO, pendingBelowStopPrice: "62500" }),
    "-2010: The relationship of the prices for the orders is not correct.",
  );
  const list = client.ok("POST", "/api/v3/orderList/otoco", { ...OTOCO, pendingBelowTimeInForce: "FOK" });
  assert.equal(list.orderReports[2].timeInForce, "FOK");
});
