import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { answered, Desk, SYMBOL } from "../testing.ts";
import { Params } from "./params.ts";
import { checkSignature } from "./keys.ts";
import { WEIGHT_PER_MINUTE } from "./limits.ts";

const LIMIT = { side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" } as const;
const REVOKED = "-2015: Invalid API-key, IP, or permissions for action.";

function open(balances: Record<string, string> = { USDT: "100000", BTC: "10" }) {
  const desk = new Desk();
  return { desk, client: desk.client("a", balances) };
}

Deno.test("the signature is the one of Binance's own example", () => {
  const secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
  const query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000" +
    "&timestamp=1499827319559";
  const signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
  for (
    const [inQuery, inBody] of [[`${query}&signature=${signature}`, ""], [
      "",
      `${query}&signature=${signature}`,
    ]]
  ) {
    const request = { method: "POST", path: "/", query: inQuery!, body: inBody!, apiKey: null, ip: "" };
    checkSignature(request, secret, new Params(inQuery!, inBody!));
    assert.throws(() => checkSignature(request, `${secret}x`, new Params(inQuery!, inBody!)), {
      code: -1022,
    });
  }
});

Deno.test("a signature over query and body together is over both without a separator", () => {
  const { desk, client } = open();
  const [query, rest] = ["symbol=BTCUSDT&side=BUY&type=MARKET", `quantity=0.1&timestamp=${desk.clock.now()}`];
  const signature = createHmac("sha256", client.key.secret).update(query + rest).digest("hex");
  const request = {
    ...client.request("POST", "/api/v3/order", {}),
    query,
    body: `${rest}&signature=${signature}`,
  };
  assert.equal(answered(desk.simulator.api.handle(request)).status, 200);
  const changed = { ...request, body: request.body.replace("0.1", "0.2") };
  assert.equal(answered(desk.simulator.api.handle(changed)).body.code, -1022);
});

Deno.test("keys: malformed, unknown, revoked, read-only and from a wrong address are told apart as Binance does", () => {
  const { desk, client } = open();
  const account = client.request("GET", "/api/v3/account", {});
  const withKey = (apiKey: string | null) => answered(desk.simulator.api.handle({ ...account, apiKey }));
  assert.deepEqual([withKey(null).status, withKey(null).body.code], [401, -2014]);
  assert.equal(withKey("short").body.code, -2014);
  assert.deepEqual([withKey("x".repeat(64)).status, withKey("x".repeat(64)).body.code], [401, -2015]);
  client.key.canTrade = false;
  assert.equal(client.refusedOrder(LIMIT), REVOKED);
  client.ok("GET", "/api/v3/account");
  client.key.canTrade = true;
  client.key.ips = ["10.0.0.9"];
  assert.equal(client.refused("GET", "/api/v3/account"), REVOKED);
  client.ip = "10.0.0.9";
  const restrictions = client.ok("GET", "/sapi/v1/account/apiRestrictions");
  assert.deepEqual([restrictions.ipRestrict, restrictions.enableWithdrawals], [true, false]);
  client.key.isRevoked = true;
  assert.equal(client.refused("GET", "/api/v3/account"), REVOKED);
});

Deno.test("a request is too late after its recvWindow and too early a second before the server's time", () => {
  const { desk, client } = open();
  const at = (offset: number, more = {}) =>
    client.send("GET", "/api/v3/account", { timestamp: desk.clock.now() + offset, ...more }).body;
  assert.equal(at(-5_000).code, undefined);
  assert.equal(at(-5_001).msg, "Timestamp for this request is outside of the recvWindow.");
  assert.equal(at(-9_000, { recvWindow: "10000" }).code, undefined);
  assert.equal(at(-11, { recvWindow: "10.5" }).code, -1021);
  assert.equal(at(999).code, undefined);
  assert.equal(at(1_000).msg, "Timestamp for this request was 1000ms ahead of the server's time.");
  assert.equal(at(0, { recvWindow: "60001" }).code, -1131);
  desk.simulator.skewMs = 8_000;
  assert.equal(at(0).code, -1021);
  assert.equal(
    client.ok("GET", "/api/v3/account", { timestamp: desk.clock.now() + 8_000 }).accountType,
    "SPOT",
  );
});

for (
  const [what, params, refusal] of [
    [
      "a parameter that is missing",
      { ...LIMIT, price: "" },
      /^-1102: Mandatory parameter 'price' was not sent/,
    ],
    [
      "a parameter that it does not know",
      { ...LIMIT, "stopLoss[triggerPrice]": "1" },
      /^-1104: Not all sent/,
    ],
    [
      "a parameter that its type does not use",
      { ...LIMIT, stopPrice: "49000" },
      /^-1106: Parameter 'stopPrice'/,
    ],
    [
      "both ways to say how much",
      { side: "BUY", type: "MARKET", quantity: "1", quoteOrderQty: "1" },
      /^-1106/,
    ],
    [
      "a price that a market order does not have",
      { side: "BUY", type: "MARKET", quantity: "0.1", price: "60000" },
      /^-1106: Parameter 'price'/,
    ],
    [
      "nine decimals",
      { ...LIMIT, quantity: "0.010000001" },
      /^-1111: Parameter 'quantity' has too much precision/,
    ],
    [
      "a negative amount",
      { ...LIMIT, quantity: "-1" },
      /^-1100: Illegal characters found in parameter 'quantity'/,
    ],
    ["an exponent", { ...LIMIT, quantity: "1e-2" }, /^-1100/],
    ["a client order id with a space", { ...LIMIT, newClientOrderId: "a b" }, /^-1100.*newClientOrderId/],
    ["a client order id of 37 letters", { ...LIMIT, newClientOrderId: "x".repeat(37) }, /^-1100/],
    ["a side that there is not", { ...LIMIT, side: "HOLD" }, /^-1117: Invalid side/],
    ["a type that there is not", { ...LIMIT, type: "STOP" }, /^-1116: Invalid orderType/],
    ["a time in force that there is not", { ...LIMIT, timeInForce: "GTD" }, /^-1115: Invalid timeInForce/],
    ["a symbol that there is not", { ...LIMIT, symbol: "AAABBB" }, /^-1121: Invalid symbol/],
    ["an iceberg", { ...LIMIT, icebergQty: "0.001" }, /^-2010: Iceberg orders are not supported/],
  ] as const
) {
  Deno.test(`an order with ${what} is refused as documented, as a test order too`, () => {
    const { client } = open();
    assert.match(client.refusedOrder(params), refusal);
    assert.match(client.refused("POST", "/api/v3/order/test", { symbol: SYMBOL, ...params }), refusal);
  });
}

Deno.test("a test order is checked by the filters and goes no further", () => {
  const { client } = open({ USDT: "1" });
  assert.deepEqual(client.ok("POST", "/api/v3/order/test", { symbol: SYMBOL, ...LIMIT }), {});
  assert.match(
    client.refused("POST", "/api/v3/order/test", { symbol: SYMBOL, ...LIMIT, quantity: "0.00009" }),
    /NOTIONAL/,
  );
  assert.deepEqual(client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL }), []);
});

Deno.test("a client order id is refused while its order is open and buys twice once it is filled", () => {
  const { client } = open();
  const resting = client.order({ ...LIMIT, newClientOrderId: "same" });
  assert.equal(client.refusedOrder({ ...LIMIT, newClientOrderId: "same" }), "-2010: Duplicate order sent.");
  client.ok("DELETE", "/api/v3/order", { symbol: SYMBOL, orderId: resting.orderId });
  const market = { side: "BUY", type: "MARKET", quantity: "0.1", newClientOrderId: "same" } as const;
  assert.equal(client.order(market).status, "FILLED");
  assert.equal(client.order(market).status, "FILLED");
  assert.equal(client.balance("BTC"), "10.1998/0");
  const newest = client.ok("GET", "/api/v3/order", { symbol: SYMBOL, origClientOrderId: "same" });
  assert.equal(newest.orderId, resting.orderId + 2);
});

Deno.test("readers do not know an order for a while although it was filled; the matching engine does", () => {
  const { desk, client } = open();
  desk.simulator.state.readLag = { probability: 1, ms: 5_000 };
  const filled = client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  const resting = client.order({ ...LIMIT, newClientOrderId: "rest" });
  const ask = () => client.send("GET", "/api/v3/order", { symbol: SYMBOL, orderId: filled.orderId }).body;
  assert.deepEqual(ask(), { code: -2013, msg: "Order does not exist." });
  assert.deepEqual(client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL }), []);
  assert.deepEqual(client.ok("GET", "/api/v3/myTrades", { symbol: SYMBOL }), []);
  desk.clock.advance(3_000);
  client.ok("DELETE", "/api/v3/order", { symbol: SYMBOL, origClientOrderId: "rest" });
  desk.clock.advance(2_000);
  assert.equal(ask().status, "FILLED");
  const seen = client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL });
  assert.deepEqual(seen.map(({ orderId }: { orderId: number }) => orderId), [resting.orderId]);
  desk.clock.advance(3_000);
  assert.deepEqual(client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL }), []);
  assert.equal(client.query(resting.orderId).status, "CANCELED");
});

Deno.test("cancelling says why it cannot, and keeps the ids of the order and of the cancel apart", () => {
  const { desk, client } = open();
  const cancel = (params: Record<string, string | number>) =>
    client.refused("DELETE", "/api/v3/order", { symbol: SYMBOL, ...params });
  const { orderId } = client.order({ ...LIMIT, newClientOrderId: "mine" });
  assert.equal(
    cancel({ orderId, cancelRestrictions: "ONLY_PARTIALLY_FILLED" }),
    "-2011: Order was not canceled due to cancel restrictions.",
  );
  assert.match(cancel({ orderId, origClientOrderId: "other" }), /^-2011: Cancel order is invalid/);
  assert.match(cancel({ orderId, cancelRestrictions: "NONE" }), /^-1145/);
  assert.match(cancel({}), /^-1102/);
  assert.equal(
    desk.client("b").refused("DELETE", "/api/v3/order", { symbol: SYMBOL, orderId }),
    "-2011: Unknown order sent.",
  );
  const cancelled = client.ok("DELETE", "/api/v3/order", {
    symbol: SYMBOL,
    orderId,
    newClientOrderId: "stop-it",
  });
  assert.deepEqual([cancelled.origClientOrderId, cancelled.clientOrderId], ["mine", "stop-it"]);
  assert.equal(cancel({ orderId }), "-2011: Unknown order sent.");
  assert.equal(
    client.refused("DELETE", "/api/v3/openOrders", { symbol: SYMBOL }),
    "-2011: Unknown order sent.",
  );
  assert.match(
    client.refused("GET", "/api/v3/order", { symbol: SYMBOL, orderId, origClientOrderId: "no" }),
    /^-2039/,
  );
});

Deno.test("cancel-replace tells of both halves, with the status that each outcome has", () => {
  const { client } = open({ USDT: "1000" });
  const replace = (mode: string, cancelOrderId: number, more: Record<string, string> = {}) =>
    client.send("POST", "/api/v3/order/cancelReplace", {
      symbol: SYMBOL,
      ...LIMIT,
      cancelReplaceMode: mode,
      cancelOrderId,
      ...more,
    });
  const { orderId } = client.order(LIMIT);
  const stopped = replace("STOP_ON_FAILURE", 999);
  assert.deepEqual([stopped.status, stopped.body.code, stopped.body.data.newOrderResult], [
    400,
    -2022,
    "NOT_ATTEMPTED",
  ]);
  assert.deepEqual(stopped.body.data.cancelResponse, { code: -2011, msg: "Unknown order sent." });
  const filtered = replace("STOP_ON_FAILURE", orderId, { quantity: "0.00009" });
  assert.equal(filtered.body.code, -1013);
  assert.equal(client.query(orderId).status, "NEW");
  const both = replace("STOP_ON_FAILURE", orderId);
  assert.deepEqual([both.status, both.body.cancelResult, both.body.newOrderResult], [
    200,
    "SUCCESS",
    "SUCCESS",
  ]);
  const half = replace("ALLOW_FAILURE", 999);
  assert.deepEqual([half.status, half.body.code, half.body.data.newOrderResult], [409, -2021, "SUCCESS"]);
  const naked = replace("STOP_ON_FAILURE", half.body.data.newOrderResponse.orderId, { quantity: "0.1" });
  assert.deepEqual([naked.status, naked.body.data.cancelResult, naked.body.data.newOrderResult], [
    409,
    "SUCCESS",
    "FAILURE",
  ]);
  assert.equal(replace("ALLOW_FAILURE", 999, { quantity: "0.1" }).body.data.newOrderResponse.code, -2010);
});

Deno.test("an order shrinks in place, ten times at most", () => {
  const { client } = open();
  const { orderId } = client.order(LIMIT);
  const amend = (newQty: string) =>
    client.send("PUT", "/api/v3/order/amend/keepPriority", { symbol: SYMBOL, orderId, newQty }).body;
  assert.equal(amend("0.02").code, -2038);
  for (let quantity = 9; quantity > 0; quantity--) {
    assert.equal(amend(`0.00${quantity}`).amendedOrder.orderId, orderId);
  }
  assert.equal(client.balance("USDT"), "99950/50");
  assert.equal(amend("0.0005").amendedOrder.qty, "0.00050000");
  assert.match(amend("0.0004").msg, /MAX_NUM_ORDER_AMENDS/);
});

Deno.test("weight counts by the calendar's minute; a 429 that is ignored becomes a ban", () => {
  const { desk, client } = open();
  const account = () => client.send("GET", "/api/v3/account");
  assert.equal(account().headers["X-MBX-USED-WEIGHT-1M"], "20");
  for (let at = 1; at < WEIGHT_PER_MINUTE / 20; at++) account();
  desk.clock.advance(15_000);
  const tooMany = account();
  assert.deepEqual([tooMany.status, tooMany.body.code, tooMany.headers["Retry-After"]], [429, -1003, "45"]);
  for (let at = 0; at < 9; at++) assert.equal(account().status, 429);
  const banned = account();
  assert.deepEqual([banned.status, banned.headers["Retry-After"]], [418, "120"]);
  assert.match(banned.body.msg, new RegExp(`IP banned until ${desk.clock.now() + 120_000}`));
  desk.clock.advance(60_000);
  assert.equal(account().status, 418);
  client.ip = "10.0.0.2";
  assert.equal(account().status, 200);
  client.ip = "10.0.0.1";
  desk.clock.advance(60_000);
  assert.equal(account().status, 200);
});

Deno.test("orders weigh nothing when they succeed and are counted until they trade", () => {
  const { desk, client } = open();
  const failed = client.send("POST", "/api/v3/order", { symbol: SYMBOL, ...LIMIT, quantity: "0.00009" });
  assert.equal(failed.headers["X-MBX-USED-WEIGHT-1M"], "1");
  const placed = client.send("POST", "/api/v3/order", { symbol: SYMBOL, ...LIMIT });
  assert.equal(placed.headers["X-MBX-USED-WEIGHT-1M"], "1");
  assert.deepEqual([placed.headers["X-MBX-ORDER-COUNT-10S"], placed.headers["X-MBX-ORDER-COUNT-1D"]], [
    "1",
    "1",
  ]);
  client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  const counts = () =>
    client.ok("GET", "/api/v3/rateLimit/order").map(({ count }: { count: number }) => count);
  assert.deepEqual(counts(), [1, 1]);
  desk.clock.advance(10_000);
  assert.deepEqual(counts(), [0, 1]);
});

Deno.test("the hundred and first open order within ten seconds is refused with 429 and -1015", () => {
  const { desk, client } = open();
  for (let at = 0; at < 100; at++) client.order({ ...LIMIT, quantity: "0.001" });
  const refused = client.send("POST", "/api/v3/order", { symbol: SYMBOL, ...LIMIT });
  assert.deepEqual([refused.status, refused.body.code, refused.headers["Retry-After"]], [429, -1015, "10"]);
  assert.match(refused.body.msg, /current limit is 100 orders per 10 SECOND/);
  desk.clock.advance(10_000);
  client.order(LIMIT);
});

Deno.test("trades and orders of the past are found by id, by order and by time", () => {
  const { desk, client } = open();
  const ids = [1, 2, 3].map(() => {
    desk.clock.advance(1_000);
    return client.order({ side: "BUY", type: "MARKET", quantity: "0.1" }).orderId;
  });
  const trades = (params: Record<string, string | number> = {}) =>
    client.ok("GET", "/api/v3/myTrades", { symbol: SYMBOL, ...params })
      .map(({ orderId }: { orderId: number }) => orderId);
  const start = desk.clock.now() - 1_000;
  assert.deepEqual(trades(), ids);
  assert.deepEqual(trades({ orderId: ids[1]! }), [ids[1]]);
  assert.deepEqual(trades({ limit: 1 }), [ids[2]]);
  assert.deepEqual(trades({ startTime: start, limit: 1 }), [ids[1]]);
  assert.deepEqual(trades({ endTime: start }), [ids[0], ids[1]]);
  assert.match(
    client.refused("GET", "/api/v3/myTrades", { symbol: SYMBOL, startTime: 0, endTime: start }),
    /^-1127/,
  );
  assert.match(
    client.refused("GET", "/api/v3/myTrades", { symbol: SYMBOL, startTime: 0, orderId: 1 }),
    /^-1128/,
  );
  const orders = client.ok("GET", "/api/v3/allOrders", { symbol: SYMBOL, orderId: ids[1]! });
  assert.deepEqual(orders.map(({ orderId }: { orderId: number }) => orderId), ids.slice(1));
});
