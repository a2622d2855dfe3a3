/** Every endpoint against the table of the documents: what it weighs, who may call it, what it counts. */
import assert from "node:assert/strict";
import { answered, type Client, Desk, SYMBOL } from "../testing.ts";
import { Limits, RAW_REQUESTS_PER_5_MINUTES } from "./limits.ts";

const LIMIT = { side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" } as const;
const OCO = {
  ...{ symbol: SYMBOL, side: "SELL", quantity: "0.1" },
  ...{ aboveType: "LIMIT_MAKER", abovePrice: "62000", belowType: "STOP_LOSS", belowStopPrice: "58000" },
};
const BRACKET = {
  ...{ symbol: SYMBOL, workingType: "LIMIT", workingSide: "BUY", workingTimeInForce: "GTC" },
  ...{ workingPrice: "59000", workingQuantity: "0.1", pendingSide: "SELL", pendingQuantity: "0.09" },
};
const OTO = { ...BRACKET, pendingType: "STOP_LOSS", pendingStopPrice: "58000" };
const OTOCO = {
  ...BRACKET,
  ...{ pendingAboveType: "LIMIT_MAKER", pendingAbovePrice: "62000" },
  ...{ pendingBelowType: "STOP_LOSS", pendingBelowStopPrice: "58000" },
};

function open(): { desk: Desk; client: Client } {
  const desk = new Desk();
  return { desk, client: desk.client("a", { USDT: "100000", BTC: "10" }) };
}

function weightOf(headers: Readonly<Record<string, string>>): number {
  assert.equal(headers["X-MBX-USED-WEIGHT"], headers["X-MBX-USED-WEIGHT-1M"]);
  return parseInt(headers["X-MBX-USED-WEIGHT-1M"]!, 10);
}

for (
  const [path, query, weight] of [
    ["ping", "", 1],
    ["time", "", 1],
    ["exchangeInfo", "", 20],
    ["ticker/price", "symbol=BTCUSDT", 2],
    ["ticker/price", "", 4],
    ["ticker/bookTicker", "symbol=BTCUSDT", 2],
    ["ticker/bookTicker", "symbols=%5B%22BTCUSDT%22%5D", 4],
    ["ticker/24hr", "symbol=BTCUSDT", 2],
    ["ticker/24hr", "", 80],
    ["avgPrice", "symbol=BTCUSDT", 2],
    ["depth", "symbol=BTCUSDT", 5],
    ["depth", "symbol=BTCUSDT&limit=101", 25],
    ["depth", "symbol=BTCUSDT&limit=501", 50],
    ["depth", "symbol=BTCUSDT&limit=1001", 250],
    ["klines", "symbol=BTCUSDT&interval=1m", 2],
    ["trades", "symbol=BTCUSDT", 25],
    ["aggTrades", "symbol=BTCUSDT", 4],
  ] as const
) {
  Deno.test(`GET ${path}?${query} needs no key and weighs ${weight}`, () => {
    const { desk } = open();
    const request = { method: "GET", path: `/api/v3/${path}`, query, body: "", apiKey: null, ip: "10.0.0.1" };
    const { status, headers } = desk.simulator.api.handle(request);
    assert.deepEqual([status, weightOf(headers)], [200, weight]);
  });
}

for (
  const [path, params, weight] of [
    ["api/v3/order", { symbol: SYMBOL, orderId: 1 }, 4],
    ["api/v3/openOrders", { symbol: SYMBOL }, 6],
    ["api/v3/openOrders", {}, 80],
    ["api/v3/allOrders", { symbol: SYMBOL }, 20],
    ["api/v3/orderList", { orderListId: 0 }, 4],
    ["api/v3/openOrderList", {}, 6],
    ["api/v3/allOrderList", {}, 20],
    ["api/v3/account", {}, 20],
    ["api/v3/account/commission", { symbol: SYMBOL }, 20],
    ["api/v3/myTrades", { symbol: SYMBOL }, 20],
    ["api/v3/myTrades", { symbol: SYMBOL, orderId: 1 }, 5],
    ["api/v3/rateLimit/order", {}, 40],
    ["api/v3/myFilters", { symbol: SYMBOL }, 40],
    ["sapi/v1/account/apiRestrictions", {}, 1],
    ["sapi/v1/capital/config/getall", {}, 10],
    ["sapi/v1/asset/tradeFee", { symbol: SYMBOL }, 1],
  ] as const
) {
  Deno.test(`GET ${path} with ${JSON.stringify(params)} may be asked by a key that only reads, and weighs ${weight}`, () => {
    const { client } = open();
    client.ok("POST", "/api/v3/orderList/oco", OCO);
    client.key.canTrade = false;
    const { status, headers, body } = client.send("GET", `/${path}`, params);
    assert.deepEqual([status, weightOf(headers)], [200, weight], JSON.stringify(body));
  });
}

for (
  const [method, path, params, failing, weight, orders] of [
    ["POST", "order", { symbol: SYMBOL, ...LIMIT }, { quantity: "9" }, 1, 1],
    ["DELETE", "order", { symbol: SYMBOL, orderId: 1 }, { orderId: 99 }, 1, 0],
    ["DELETE", "openOrders", { symbol: SYMBOL }, { symbol: "ETHUSDT" }, 1, 0],
    [
      "POST",
      "order/cancelReplace",
      {
        ...{ symbol: SYMBOL, ...LIMIT, cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: 1 },
      },
      { cancelOrderId: 99 },
      1,
      1,
    ],
    [
      "PUT",
      "order/amend/keepPriority",
      { symbol: SYMBOL, orderId: 1, newQty: "0.005" },
      { newQty: "1" },
      4,
      0,
    ],
    ["POST", "orderList/oco", OCO, { quantity: "100" }, 1, 2],
    ["POST", "orderList/oto", OTO, { workingQuantity: "100" }, 1, 2],
    ["POST", "orderList/otoco", OTOCO, { workingQuantity: "100" }, 1, 3],
    ["DELETE", "orderList", { symbol: SYMBOL, orderListId: 0 }, { orderListId: 9 }, 1, 0],
  ] as const
) {
  Deno.test(`${method} ${path} asks for a key that trades, weighs ${weight} only when it fails, and counts ${orders} orders`, () => {
    const { desk, client } = open();
    client.order(LIMIT);
    client.ok("POST", "/api/v3/orderList/oco", OCO);
    desk.clock.advance(60_000);
    const failed = client.send(method, `/api/v3/${path}`, { ...params, ...failing });
    assert.notEqual(failed.status, 200);
    assert.equal(weightOf(failed.headers), weight);
    desk.clock.advance(60_000);
    const done = client.send(method, `/api/v3/${path}`, { ...params });
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal(weightOf(done.headers), 0);
    assert.equal(done.headers["X-MBX-ORDER-COUNT-10S"], orders === 0 ? undefined : String(orders));
    client.key.canTrade = false;
    assert.equal(client.send(method, `/api/v3/${path}`, { ...params }).body.code, -2015);
  });
}

Deno.test("a test order weighs one, and twenty when it asks for rates; neither is counted", () => {
  const { desk, client } = open();
  for (const [more, weight] of [[{}, 1], [{ computeCommissionRates: "true" }, 20]] as const) {
    desk.clock.advance(60_000);
    const { status, headers } = client.send("POST", "/api/v3/order/test", {
      symbol: SYMBOL,
      ...LIMIT,
      ...more,
    });
    assert.deepEqual([status, weightOf(headers)], [200, weight]);
  }
  const counts = client.ok("GET", "/api/v3/rateLimit/order").map(({ count }: { count: number }) => count);
  assert.deepEqual(counts, [0, 0]);
});

Deno.test("an order that comes to the matching engine in the next minute takes nothing off that minute's weight", async () => {
  const { desk, client } = open();
  desk.clock.advance(59_000);
  desk.simulator.faults.add({
    ...{ kind: "delay_before", times: 1, probability: 1, isExecuted: true, status: null, ms: 2_000 },
  });
  const sent = desk.simulator.handle(client.request("POST", "/api/v3/order", { symbol: SYMBOL, ...LIMIT }));
  await Promise.resolve();
  desk.clock.advance(2_000);
  client.order(LIMIT);
  const delivery = await sent;
  assert.ok(delivery.kind === "answer" && delivery.answer.status === 200);
  assert.equal(weightOf(delivery.answer.headers), 0);
});

Deno.test("whoever is too late at the second check has used up the orders that it wanted, also to replace one", async () => {
  for (
    const [path, params, count] of [
      ["order", { symbol: SYMBOL, ...LIMIT }, 1],
      ["order/cancelReplace", {
        symbol: SYMBOL,
        ...LIMIT,
        cancelReplaceMode: "ALLOW_FAILURE",
        cancelOrderId: 1,
      }, 1],
      ["orderList/otoco", OTOCO, 3],
    ] as const
  ) {
    const { desk, client } = open();
    const rule = { times: 1, probability: 1, isExecuted: true, status: null, ms: 6_000 };
    desk.simulator.faults.add({ ...rule, kind: "delay_before" });
    const sent = desk.simulator.handle(client.request("POST", `/api/v3/${path}`, params));
    await Promise.resolve();
    desk.clock.advance(6_000);
    const delivery = await sent;
    assert.equal(delivery.kind === "answer" && answered(delivery.answer).body.code, -1021);
    const [tenSeconds] = client.ok("GET", "/api/v3/rateLimit/order");
    assert.equal(tenSeconds.count, count, path);
  }
});

Deno.test("a replacement beyond the limit of orders may still cancel, and is told when to come again", () => {
  const { desk, client } = open();
  const { orderId } = client.order(LIMIT);
  for (let at = 1; at < 100; at++) client.order({ ...LIMIT, quantity: "0.001" });
  const replace = (mode: string) =>
    client.send("POST", "/api/v3/order/cancelReplace", {
      ...{ symbol: SYMBOL, ...LIMIT, cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: orderId },
      orderRateLimitExceededMode: mode,
    });
  const refused = replace("DO_NOTHING");
  assert.deepEqual([refused.status, refused.body.code, refused.headers["Retry-After"]], [429, -1015, "10"]);
  assert.equal(client.query(orderId).status, "NEW");
  const half = replace("CANCEL_ONLY");
  assert.deepEqual([half.status, half.body.code, half.headers["Retry-After"]], [429, -1015, "10"]);
  assert.deepEqual([half.body.data.cancelResult, half.body.data.newOrderResult], [
    "SUCCESS",
    "NOT_ATTEMPTED",
  ]);
  assert.equal(client.query(orderId).status, "CANCELED");
  desk.assertNothingLeaked();
});

Deno.test("whoever is late already when the request comes in has used weight and no order", () => {
  const { desk, client } = open();
  const late = client.send("POST", "/api/v3/order", {
    ...{ symbol: SYMBOL, ...LIMIT, timestamp: desk.clock.now() - 5_001 },
  });
  assert.deepEqual([late.body.code, weightOf(late.headers)], [-1021, 1]);
  assert.equal(client.ok("GET", "/api/v3/rateLimit/order")[0].count, 0);
});

Deno.test("the first fill gives back one order to who took and five to who rested", () => {
  const { desk, client } = open();
  const count = () => client.ok("GET", "/api/v3/rateLimit/order")[1].count as number;
  for (let at = 0; at < 10; at++) client.order({ ...LIMIT, quantity: "0.001" });
  assert.equal(count(), 10);
  client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  assert.equal(count(), 10);
  desk.trade("50000", "0.001");
  desk.trade("49999", "0.0005");
  assert.equal(count(), 0, "two of the ten have rested");
});

Deno.test("the second ban is twice as long as the first", () => {
  const { desk, client } = open();
  const bannedFor = () => {
    let seconds = "";
    for (let at = 0; at < 400 && seconds === ""; at++) {
      const { status, headers } = client.send("GET", "/api/v3/account");
      if (status === 418) seconds = headers["Retry-After"]!;
    }
    desk.clock.advance(parseInt(seconds, 10) * 1_000);
    return seconds;
  };
  assert.deepEqual([bannedFor(), bannedFor(), bannedFor()], ["120", "240", "480"]);
});

Deno.test("requests are counted as such, whatever they weigh", () => {
  const { desk } = open();
  const limits = new Limits(desk.simulator.state);
  for (let at = 0; at < RAW_REQUESTS_PER_5_MINUTES; at++) limits.charge("10.0.0.9", 0, desk.clock.now());
  assert.throws(() => limits.charge("10.0.0.9", 0, desk.clock.now()), { code: -1003, retryAfterS: 300 });
  limits.charge("10.0.0.9", 0, desk.clock.now() + 300_000);
});

Deno.test("trades are the caller's own, from an id with that one", () => {
  const { desk, client } = open();
  const other = desk.client("b", { USDT: "100000" });
  const ids = [client, other, client].map((one) =>
    one.order({ side: "BUY", type: "MARKET", quantity: "0.1" }).fills[0].tradeId as number
  );
  const trades = (fromId: number) =>
    client.ok("GET", "/api/v3/myTrades", { symbol: SYMBOL, fromId }).map(({ id }: { id: number }) => id);
  assert.deepEqual(trades(ids[0]!), [ids[0], ids[2]]);
  assert.deepEqual(trades(ids[1]!), [ids[2]]);
});

Deno.test("a replacement counts as an order also where it was not attempted, or failed", () => {
  const { client } = open();
  const replace = (params: Record<string, string | number>) =>
    client.send("POST", "/api/v3/order/cancelReplace", { symbol: SYMBOL, ...LIMIT, ...params }).body.data;
  const { orderId } = client.order(LIMIT);
  const count = () => client.ok("GET", "/api/v3/rateLimit/order")[0].count as number;
  const stopped = replace({ cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: 99 });
  assert.deepEqual([stopped.newOrderResult, count()], ["NOT_ATTEMPTED", 2]);
  const failed = replace({ cancelReplaceMode: "STOP_ON_FAILURE", cancelOrderId: orderId, quantity: "100" });
  assert.deepEqual([failed.cancelResult, failed.newOrderResult, count()], ["SUCCESS", "FAILURE", 3]);
});
