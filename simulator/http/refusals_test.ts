/** Refusals that are easily forgotten: odd signatures, odd combinations, what an account may not do. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { answered, type Client, Desk, SYMBOL } from "../testing.ts";

const LIMIT = { side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" } as const;

function open(balances: Record<string, string> = { USDT: "100000", BTC: "10" }) {
  const desk = new Desk();
  return { desk, client: desk.client("a", balances) };
}

function amend(client: Client, params: Record<string, string | number>) {
  return client.send("PUT", "/api/v3/order/amend/keepPriority", { symbol: SYMBOL, ...params }).body;
}

Deno.test("a signature of letters that are none is wrong like any other", () => {
  const { desk, client } = open();
  const request = client.request("GET", "/api/v3/account", {});
  for (const signature of ["%C3%A9".repeat(64), "0".repeat(64), "0", ""]) {
    const query = request.query.replace(/signature=.*/, `signature=${signature}`);
    const { status, body } = answered(desk.simulator.api.handle({ ...request, query }));
    assert.deepEqual([status, body.code], [400, signature === "" ? -1102 : -1022]);
  }
});

Deno.test("what was signed before it was percent-encoded has no valid signature", () => {
  const { desk, client } = open();
  const send = (symbols: string) => {
    const query = `timestamp=${desk.clock.now()}&omitZeroBalances=${symbols}`;
    const signature = createHmac("sha256", client.key.secret).update(query).digest("hex");
    const request = client.request("GET", "/api/v3/account", {});
    const signed = { ...request, query: `${query}&signature=${signature}` };
    return answered(desk.simulator.api.handle(signed)).body.code;
  };
  assert.equal(send('["BTCUSDT"]'), -1022);
  assert.equal(send("é"), -1022);
  assert.equal(send("%5B%22BTCUSDT%22%5D"), -1130, "the signature is right, the flag is not");
});

Deno.test("one symbol and several are not asked for at once", () => {
  const { desk } = open();
  const query = "symbol=BTCUSDT&symbols=%5B%22ETHUSDT%22%5D";
  for (const path of ["exchangeInfo", "ticker/price", "ticker/bookTicker", "ticker/24hr"]) {
    const request = { method: "GET", path: `/api/v3/${path}`, query, body: "", apiKey: null, ip: "" };
    assert.equal(answered(desk.simulator.api.handle(request)).body.code, -1128, path);
  }
});

Deno.test("an account that may not trade may not cancel either, each in the words of its request", () => {
  const { desk, client } = open();
  const { orderId } = client.order(LIMIT);
  desk.simulator.state.accounts.get("a")!.canTrade = false;
  const words = "This account may not place or cancel orders.";
  assert.equal(client.refusedOrder(LIMIT), `-2010: ${words}`);
  assert.equal(client.refused("DELETE", "/api/v3/order", { symbol: SYMBOL, orderId }), `-2011: ${words}`);
  assert.equal(client.refused("DELETE", "/api/v3/openOrders", { symbol: SYMBOL }), `-2011: ${words}`);
  assert.equal(
    client.refused("DELETE", "/api/v3/orderList", { symbol: SYMBOL, orderListId: 0 }),
    `-2011: ${words}`,
  );
  assert.equal(amend(client, { orderId, newQty: "0.005" }).msg, words);
});

Deno.test("an order that was amended has only its new name, and its smaller quantity passes the filters", () => {
  const { client } = open();
  const { orderId } = client.order({ ...LIMIT, newClientOrderId: "old" });
  assert.deepEqual(amend(client, { orderId: 99, newQty: "0.005" }), {
    code: -2038,
    msg: "Unknown order sent.",
  });
  assert.equal(amend(client, { orderId, newQty: "0.0050001" }).msg, "Filter failure: LOT_SIZE");
  assert.equal(amend(client, { orderId, newQty: "0.00009" }).msg, "Filter failure: NOTIONAL");
  const { amendedOrder } = amend(client, { orderId, newQty: "0.005", newClientOrderId: "new" });
  assert.deepEqual(amendedOrder, {
    ...{ symbol: SYMBOL, orderId, orderListId: -1, origClientOrderId: "old", clientOrderId: "new" },
    ...{ price: "50000.00000000", qty: "0.00500000", executedQty: "0.00000000", preventedQty: "0.00000000" },
    ...{ quoteOrderQty: "0.00000000", cumulativeQuoteQty: "0.00000000", status: "NEW", timeInForce: "GTC" },
    ...{ type: "LIMIT", side: "BUY", workingTime: amendedOrder.workingTime },
    selfTradePreventionMode: "EXPIRE_MAKER",
  });
  const named = (origClientOrderId: string) => ({ symbol: SYMBOL, origClientOrderId });
  assert.match(client.refused("GET", "/api/v3/order", named("old")), /^-2013/);
  assert.match(client.refused("DELETE", "/api/v3/order", named("old")), /^-2011/);
  client.order({ ...LIMIT, newClientOrderId: "old" });
  client.ok("DELETE", "/api/v3/order", named("old"));
  assert.equal(client.query(orderId).status, "NEW");
});

Deno.test("an order by value needs the whole value, and a book that has a lot of it", () => {
  const { desk, client } = open({ USDT: "100" });
  const buy = (quoteOrderQty: string) => ({ side: "BUY", type: "MARKET", quoteOrderQty });
  assert.match(client.refusedOrder(buy("100.2")), /^-2010: Account has insufficient balance/);
  desk.book([["59999", "1"]], []);
  assert.match(client.refusedOrder(buy("50")), /^-2010: Order book liquidity is less than `LOT_SIZE`/);
  desk.book([["59999", "1"]], [["60001", "0.00001"]]);
  const { rules } = desk.simulator.state.markets.get(SYMBOL)!;
  const lot = { filterType: "LOT_SIZE", minQty: 10_000n, maxQty: 900_000_000_000n, stepSize: 1_000n };
  rules.filters = [...rules.filters.filter(({ filterType }) => filterType !== "LOT_SIZE"), lot];
  assert.match(client.refusedOrder(buy("50")), /^-2010: Order book liquidity is less than `LOT_SIZE`/);
  assert.equal(client.balance("USDT"), "100/0");
});

Deno.test("the order that a list waits for is a limit order", () => {
  const { client } = open();
  const oto = {
    ...{ symbol: SYMBOL, workingSide: "BUY", workingQuantity: "0.1", workingType: "MARKET" },
    ...{ pendingSide: "SELL", pendingQuantity: "0.09", pendingType: "STOP_LOSS", pendingStopPrice: "58000" },
  };
  assert.match(client.refused("POST", "/api/v3/orderList/oto", oto), /^-1159/);
});

Deno.test("readers do not know a list before they know its orders; who cancels it does", () => {
  const { desk, client } = open();
  desk.simulator.state.readLag = { probability: 1, ms: 5_000 };
  client.ok("POST", "/api/v3/orderList/oco", {
    ...{ symbol: SYMBOL, side: "SELL", quantity: "0.1", listClientOrderId: "exit" },
    ...{ aboveType: "LIMIT_MAKER", abovePrice: "62000", belowType: "STOP_LOSS", belowStopPrice: "58000" },
  });
  const query = () => client.send("GET", "/api/v3/orderList", { origClientOrderId: "exit" }).body;
  const counts = () =>
    ["openOrderList", "allOrderList"].map((path) => client.ok("GET", `/api/v3/${path}`).length as number);
  assert.equal(query().code, -2018);
  assert.deepEqual(counts(), [0, 0]);
  desk.clock.advance(5_000);
  assert.equal(query().listOrderStatus, "EXECUTING");
  client.ok("DELETE", "/api/v3/orderList", { symbol: SYMBOL, listClientOrderId: "exit" });
  assert.equal(query().listOrderStatus, "EXECUTING");
  assert.deepEqual(counts(), [1, 1]);
  desk.clock.advance(5_000);
  assert.equal(query().listOrderStatus, "ALL_DONE");
  assert.deepEqual(counts(), [0, 1]);
});

Deno.test("nothing is traded on a symbol that is halted: orders rest, stops wait, until it trades again", () => {
  const { desk, client } = open();
  const limit = client.order({ ...LIMIT, price: "59000" });
  const stop = client.order({ side: "SELL", type: "STOP_LOSS", quantity: "0.1", stopPrice: "59500" });
  const { rules } = desk.simulator.state.markets.get(SYMBOL)!;
  rules.status = "HALT";
  desk.priceTo(58_000);
  assert.deepEqual([limit, stop].map(({ orderId }) => client.query(orderId).status), ["NEW", "NEW"]);
  assert.equal(client.ok("GET", "/api/v3/account").balances.length, 2);
  rules.status = "TRADING";
  desk.priceTo(58_000);
  assert.deepEqual([limit, stop].map(({ orderId }) => client.query(orderId).status), ["FILLED", "FILLED"]);
  desk.assertNothingLeaked();
});
