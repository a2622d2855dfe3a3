/** Answers against recorded and documented ones: the same fields in the same order, with the same types. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Body, type Client, Desk, SYMBOL } from "./testing.ts";
import { answered } from "./testing.ts";

const DATA = fileURLToPath(new URL("../../shared/data/binance-rest/", import.meta.url));
const hasData = await Deno.stat(DATA).then(() => true, () => false);
if (!hasData) console.log("note: skipped, the recorded answers are not beside the project");

/** What an answer is made of, without its values: amounts are text, ids and times are whole numbers. */
function shapeOf(value: Body): Body {
  if (Array.isArray(value)) {
    return isRow(value) ? value.map(shapeOf) : value.length === 0 ? [] : [shapeOf(value[0])];
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
  }
  if (typeof value === "string") return /^-?\d+\.\d{8}$/.test(value) ? "amount" : "text";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** A level of a book or a candle: its places mean something. */
function isRow(value: readonly unknown[]): boolean {
  return typeof value[0] === "string" && /^\d+\.\d+$/.test(value[0]) ||
    (value.length === 12 && typeof value[0] === "number");
}

async function readRecorded(name: string): Promise<Body> {
  return JSON.parse(await Deno.readTextFile(DATA + name));
}

function scene(): { desk: Desk; client: Client } {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000", BTC: "1" });
  desk.clock.advance(1_000);
  desk.trade("60000", "0.5", false);
  return { desk, client };
}

/** Documented examples write fewer places than real answers do: there any decimal is an amount. */
function loosely(value: Body): Body {
  return JSON.parse(JSON.stringify(value), (_key, one) => /^-?\d+\.\d+$/.test(one) ? "0.00000000" : one);
}

function publicAnswer(desk: Desk, path: string, query: string): Body {
  const request = { method: "GET", path: `/api/v3/${path}`, query, body: "", apiKey: null, ip: "" };
  const { status, body } = answered(desk.simulator.api.handle(request));
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

for (
  const [name, path, query] of [
    ["ping", "ping", ""],
    ["time", "time", ""],
    ["depth", "depth", `symbol=${SYMBOL}`],
    ["trades", "trades", `symbol=${SYMBOL}`],
    ["historicalTrades", "historicalTrades", `symbol=${SYMBOL}`],
    ["aggTrades", "aggTrades", `symbol=${SYMBOL}`],
    ["klines", "klines", `symbol=${SYMBOL}&interval=1m`],
    ["ticker-price", "ticker/price", `symbol=${SYMBOL}`],
    ["ticker-bookTicker", "ticker/bookTicker", `symbol=${SYMBOL}`],
  ] as const
) {
  Deno.test({ name: `the shape of a recorded answer: ${name}`, ignore: !hasData }, async () => {
    const { desk } = scene();
    const ours = publicAnswer(desk, path, query);
    const theirs = await readRecorded(`${name}.recorded.json`);
    assert.deepEqual(shapeOf(ours), shapeOf(theirs));
    assert.deepEqual(Object.keys(ours[0] ?? ours), Object.keys(theirs[0] ?? theirs));
  });
}

Deno.test({ name: "the shape of documented answers: avgPrice, ticker-24hr", ignore: !hasData }, async () => {
  const { desk } = scene();
  for (const [name, path] of [["avgPrice", "avgPrice"], ["ticker-24hr", "ticker/24hr"]] as const) {
    const ours = publicAnswer(desk, path, `symbol=${SYMBOL}`);
    const theirs = await readRecorded(`${name}.docs.json`);
    assert.deepEqual(shapeOf(loosely(ours)), shapeOf(loosely(theirs)));
  }
});

Deno.test({
  name: "exchangeInfo has every field of the documents and every filter recorded",
  ignore: !hasData,
}, async () => {
  const { desk } = scene();
  const ours = publicAnswer(desk, "exchangeInfo", `symbol=${SYMBOL}`);
  const documented = await readRecorded("exchangeInfo.docs.json");
  const recorded = await readRecorded("exchangeInfo.recorded-2024-03-24.BTCUSDT.json");
  assert.deepEqual(Object.keys(ours), Object.keys(documented));
  assert.deepEqual(Object.keys(ours.symbols[0]), Object.keys(documented.symbols[0]));
  const types = (row: Body) =>
    Object.fromEntries(Object.entries(row).map(([name, one]) => [name, typeof one]));
  assert.deepEqual(types(ours.symbols[0]), types(documented.symbols[0]));
  assert.deepEqual(ours.rateLimits.map(shapeOf), recorded.rateLimits.map(shapeOf));
  for (const filter of recorded.symbols[0].filters) {
    const same = ours.symbols[0].filters.find((one: Body) => one.filterType === filter.filterType);
    assert.ok(same, `${filter.filterType} is missing`);
    assert.deepEqual(Object.keys(same), Object.keys(filter));
    assert.deepEqual(shapeOf(same), shapeOf(filter), filter.filterType);
  }
});

Deno.test({ name: "an order that was asked about looks like a recorded one", ignore: !hasData }, async () => {
  const { client } = scene();
  client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  const [ours] = client.ok("GET", "/api/v3/allOrders", { symbol: SYMBOL });
  const { result } = await readRecorded("allOrders.recorded-testnet-2024-06-01.wsapi.json");
  assert.deepEqual(Object.keys(ours), Object.keys(result[0]));
  assert.deepEqual(shapeOf(ours), shapeOf(result[0]));
});

Deno.test(
  { name: "orders, cancels, trades and the account look as documented", ignore: !hasData },
  async () => {
    const { client } = scene();
    const placed = client.order({ side: "SELL", type: "MARKET", quantity: "0.1" });
    const { orderId } = client.order({
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.1",
      price: "50000",
    });
    const answers: Record<string, Body> = {
      "order-post-full": placed,
      "order-get": client.query(orderId),
      openOrders: client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL }),
      "order-delete": client.ok("DELETE", "/api/v3/order", { symbol: SYMBOL, orderId }),
      myTrades: client.ok("GET", "/api/v3/myTrades", { symbol: SYMBOL }),
      account: client.ok("GET", "/api/v3/account"),
      "sapi-tradeFee": client.ok("GET", "/sapi/v1/asset/tradeFee"),
    };
    for (const [name, ours] of Object.entries(answers)) {
      const theirs = await readRecorded(`${name}.docs.json`);
      assert.deepEqual(shapeOf(loosely(ours)), shapeOf(loosely(theirs)), name);
    }
  },
);

Deno.test(
  { name: "cancelling everything answers with orders and lists as documented", ignore: !hasData },
  async () => {
    const { client } = scene();
    client.order({ side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.1", price: "50000" });
    client.ok("POST", "/api/v3/orderList/oco", {
      symbol: SYMBOL,
      side: "BUY",
      quantity: "0.1",
      aboveType: "STOP_LOSS_LIMIT",
      aboveStopPrice: "62000",
      abovePrice: "62100",
      aboveTimeInForce: "GTC",
      belowType: "LIMIT_MAKER",
      belowPrice: "58000",
    });
    const [order, list] = client.ok("DELETE", "/api/v3/openOrders", { symbol: SYMBOL });
    const [theirOrder, , theirList] = await readRecorded("openOrders-delete.docs.json");
    assert.deepEqual(shapeOf(loosely(order)), shapeOf(loosely(theirOrder)));
    // The documented pair is of icebergs, which this exchange does not have.
    const [theirLeg] = theirList.orderReports;
    delete theirLeg.icebergQty;
    assert.deepEqual(shapeOf(loosely(list)), shapeOf(loosely(theirList)));
  },
);
