import assert from "node:assert/strict";
import ccxt from "ccxt";
import { FAULT_KINDS, type FaultKind } from "./faults/faults.ts";
import { fetchFrom } from "./in_process.ts";
import { Desk, START_MS } from "./testing.ts";

function open(kind: FaultKind | null = null, ms = 0) {
  const desk = new Desk();
  desk.client("a", { USDT: "1000" });
  const { isExecuted } = FAULT_KINDS[kind ?? "html"];
  if (kind !== null) {
    desk.simulator.faults.add({ kind, times: 1, probability: 1, isExecuted, status: null, ms });
  }
  return { desk, fetch: fetchFrom(desk.simulator) };
}

const PING = "https://api.binance.com/api/v3/ping";

Deno.test("CCXT trades in virtual time, without a socket", async () => {
  const { desk, fetch } = open();
  const [{ apiKey, secret }] = desk.simulator.keys.values() as unknown as [
    { apiKey: string; secret: string },
  ];
  const exchange = new ccxt.binance({
    apiKey,
    secret,
    number: String,
    options: { fetchMarkets: { types: ["spot"] } },
  });
  exchange.urls.api = { public: "http://exchange/api/v3", private: "http://exchange/api/v3" };
  exchange.options.fetchCurrencies = false;
  exchange.options.fetchMargins = false;
  exchange.fetchImplementation = fetch;
  const params = { clientOrderId: "one", timestamp: START_MS };
  const order = await exchange.createOrder("BTC/USDT", "market", "buy", 0.01, undefined, params);
  assert.equal(order.status, "closed");
  assert.equal(order.timestamp, START_MS);
});

Deno.test("a connection that ends without a byte fails as fetch does", async () => {
  const { fetch } = open("request_lost");
  await assert.rejects(fetch(PING), TypeError);
  assert.deepEqual(await (await fetch(PING)).json(), {});
});

Deno.test("a body that is cut has a head, and reading it fails; a stalled one only when the clock gets there", async () => {
  const cut = await open("truncated").fetch(PING);
  assert.equal(cut.status, 200);
  await assert.rejects(cut.text(), TypeError);
  const { desk, fetch } = open("stalled", 5_000);
  const reading = (await fetch(PING)).text();
  const first = await Promise.race([
    reading.catch(() => "failed"),
    new Promise((end) => setTimeout(end, 20, "stalled")),
  ]);
  assert.equal(first, "stalled");
  desk.clock.advance(5_000);
  await assert.rejects(reading, TypeError);
});

Deno.test("a caller that gives up does not take its request back", async () => {
  const { desk, fetch } = open("delay_after", 5_000);
  const stop = new AbortController();
  const sent = fetch(PING, { signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  await assert.rejects(sent, { name: "AbortError" });
  desk.clock.advance(5_000);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(desk.simulator.log.map(({ status }) => status), [200]);
});
