import assert from "node:assert/strict";
import { FAULT_KINDS, type FaultKind, type FaultSpec } from "./faults/faults.ts";
import { wallClock } from "./core/clock.ts";
import { serveAdmin } from "./http/admin.ts";
import { serveApi } from "./http/server.ts";
import { runCommand } from "./http/admin.ts";
import { Simulator, StateError } from "./simulator.ts";
import { answered, type Client, Desk, SYMBOL } from "./testing.ts";

const BUY = {
  symbol: SYMBOL,
  side: "BUY",
  type: "MARKET",
  quantity: "0.1",
  newClientOrderId: "once",
} as const;

function open(kind: FaultKind, more: Partial<FaultSpec> = {}) {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  const { isExecuted } = FAULT_KINDS[kind];
  desk.simulator.faults.add({ kind, times: 1, probability: 1, isExecuted, status: null, ms: 1_000, ...more });
  return { desk, client };
}

async function buy(desk: Desk, client: Client) {
  return await desk.simulator.handle(client.request("POST", "/api/v3/order", BUY));
}

for (
  const [kind, isExecuted, outcome] of [
    ["request_lost", undefined, { delivery: "dropped", bought: "0" }],
    ["answer_lost", undefined, { delivery: "dropped", bought: "0.0999" }],
    ["bus_error", true, { delivery: "answer", status: 500, code: -1006, bought: "0.0999" }],
    ["bus_error", false, { delivery: "answer", status: 500, code: -1006, bought: "0" }],
    ["backend_timeout", true, { delivery: "answer", status: 504, code: -1007, bought: "0.0999" }],
    ["backend_timeout", false, { delivery: "answer", status: 504, code: -1007, bought: "0" }],
    ["internal_error", true, { delivery: "answer", status: 500, code: -1001, bought: "0.0999" }],
    ["overloaded", false, { delivery: "answer", status: 503, code: -1008, bought: "0" }],
    ["clock_skew", undefined, { delivery: "answer", status: 200, bought: "0.0999" }],
    ["server_error", true, { delivery: "answer", status: 503, bought: "0.0999" }],
    ["server_error", false, { delivery: "answer", status: 503, bought: "0" }],
    ["html", true, { delivery: "answer", status: 502, bought: "0.0999" }],
    ["truncated", undefined, { delivery: "cut", status: 200, bought: "0.0999" }],
    ["stalled", undefined, { delivery: "cut", status: 200, bought: "0.0999" }],
    ["duplicate", undefined, { delivery: "answer", status: 200, bought: "0.1998" }],
    ["too_many", undefined, { delivery: "answer", status: 429, code: -1003, bought: "0" }],
    ["ban", undefined, { delivery: "answer", status: 418, code: -1003, bought: "0" }],
    ["restart", undefined, { delivery: "dropped", bought: "0" }],
  ] as const
) {
  const what = isExecuted === undefined ? "" : isExecuted ? ", carried out" : ", not carried out";
  Deno.test(`a fault shows the client one thing and may have done another: ${kind}${what}`, async () => {
    const { desk, client } = open(kind, isExecuted === undefined ? {} : { isExecuted });
    const delivery = await buy(desk, client);
    const answer = delivery.kind === "dropped" ? null : delivery.answer;
    assert.equal(delivery.kind, outcome.delivery);
    if ("status" in outcome) assert.equal(answer!.status, outcome.status);
    if ("code" in outcome) assert.equal(JSON.parse(answer!.body).code, outcome.code);
    assert.equal(client.balance("BTC"), `${outcome.bought}/0`);
    assert.deepEqual(desk.simulator.log.map(({ fault }) => fault), [kind]);
    desk.assertNothingLeaked();
  });
}

Deno.test("a request that was held up is checked against its recvWindow again before it is carried out", async () => {
  for (const [ms, status] of [[4_000, 200], [6_000, 400]] as const) {
    const { desk, client } = open("delay_before", { ms });
    const sent = buy(desk, client);
    await Promise.resolve();
    desk.clock.advance(ms);
    const delivery = await sent;
    assert.equal(delivery.kind === "answer" && delivery.answer.status, status);
    assert.equal(client.balance("BTC"), status === 200 ? "0.0999/0" : "0/0");
  }
});

Deno.test("a late answer is of an order that was carried out at once", async () => {
  const { desk, client } = open("delay_after", { ms: 30_000 });
  const sent = buy(desk, client);
  await Promise.resolve();
  assert.equal(client.balance("BTC"), "0.0999/0");
  desk.clock.advance(30_000);
  const delivery = await sent;
  assert.equal(delivery.kind === "answer" && delivery.answer.status, 200);
});

Deno.test("a request that meets a clock that is ahead is out of its window", async () => {
  const { desk, client } = open("clock_skew", { ms: 60_000 });
  const delivery = await buy(desk, client);
  assert.equal(delivery.kind === "answer" && JSON.parse(delivery.answer.body).code, -1021);
  assert.equal(client.balance("BTC"), "0/0");
  assert.equal(desk.simulator.skewMs, 0);
});

Deno.test("an altered answer lacks fields, has strange ones and may be very long", async () => {
  const alter = { status: "LEVITATING", orderId: "12", executedQty: 0.1, clientOrderId: null };
  const { desk, client } = open("altered", { alter, padding: 1_000_000 });
  const delivery = await buy(desk, client);
  assert.ok(delivery.kind === "answer" && delivery.answer.body.length > 1_000_000);
  const body = JSON.parse(delivery.answer.body);
  assert.deepEqual([body.status, body.orderId, body.executedQty], ["LEVITATING", "12", 0.1]);
  assert.equal("clientOrderId" in body, false);
  assert.equal(client.balance("BTC"), "0.0999/0");
});

Deno.test("an order that is there can be denied, once", async () => {
  const { desk, client } = open("not_found", { method: "GET" });
  await buy(desk, client);
  const ask = async () => {
    const request = client.request("GET", "/api/v3/order", { symbol: SYMBOL, origClientOrderId: "once" });
    const delivery = await desk.simulator.handle(request);
    return delivery.kind === "answer" ? answered(delivery.answer).body : null;
  };
  assert.equal((await ask()).code, -2013);
  assert.equal((await ask()).status, "FILLED");
});

Deno.test("a restart answers nobody for a while, keeps the books and forgets the counters", async () => {
  const { desk, client } = open("restart", { ms: 5_000 });
  const weight = () => client.send("GET", "/api/v3/account").headers["X-MBX-USED-WEIGHT-1M"];
  client.ok("POST", "/api/v3/order", BUY);
  assert.equal(weight(), "20");
  assert.equal((await buy(desk, client)).kind, "dropped");
  desk.clock.advance(4_999);
  assert.equal((await buy(desk, client)).kind, "dropped");
  desk.clock.advance(1);
  assert.equal((await buy(desk, client)).kind, "answer");
  assert.equal(client.balance("BTC"), "0.1998/0");
  assert.equal(weight(), "20");
});

Deno.test("the same seed brings the same faults, and every kind comes", async () => {
  const run = async (seed: number) => {
    const desk = new Desk(seed);
    const client = desk.client("a", { USDT: "100000" });
    desk.simulator.faults.addAll(0.9, 0);
    const kinds: (string | null)[] = [];
    for (let at = 0; at < 300; at++) {
      const sent = desk.simulator.handle(
        client.request("GET", "/api/v3/order", { symbol: SYMBOL, orderId: 1 }),
      );
      await Promise.resolve();
      desk.clock.advance(1);
      await sent;
      kinds.push(desk.simulator.log.at(-1)!.fault);
    }
    return kinds;
  };
  const first = await run(3);
  assert.deepEqual(await run(3), first);
  assert.notDeepEqual(await run(4), first);
  const kinds = Object.keys(FAULT_KINDS).filter((kind) => kind !== "altered");
  for (const kind of kinds) assert.ok(first.includes(kind), `${kind} never came`);
});

Deno.test("what was saved goes on as it was: balances, orders, lists and keys", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  client.ok("POST", "/api/v3/orderList/oco", {
    symbol: SYMBOL,
    side: "SELL",
    quantity: "0.0999",
    aboveType: "LIMIT_MAKER",
    abovePrice: "62000",
    belowType: "STOP_LOSS",
    belowStopPrice: "58000",
  });
  const saved = desk.simulator.save();
  const again = new Simulator(desk.clock, 1, saved);
  assert.equal(again.save(), saved);
  const account = (one: Simulator) =>
    answered(one.api.handle(client.request("GET", "/api/v3/account", {}))).body;
  assert.deepEqual(account(again), account(desk.simulator));
  const { bids, asks } = again.state.markets.get(SYMBOL)!.outside;
  again.move(SYMBOL, { kind: "book", bids, asks });
  again.move(SYMBOL, { kind: "trade", price: 5_700_000_000_000n, quantity: 1_000n, isBuyerMaker: true });
  assert.equal(again.state.accounts.get("a")!.openOrders.size, 0);
  const older = saved.replace('{"version":2', '{"version":1');
  for (const text of ["", "nonsense", "{}", "null", '{"version":2}', older, saved.slice(0, -100)]) {
    assert.throws(() => new Simulator(desk.clock, 1, text), StateError, text.slice(0, 40));
  }
});

Deno.test("the admin sets the scene: accounts, keys, prices, symbols, faults and the clock", () => {
  const desk = new Desk();
  const run = (name: string, body: unknown = {}) => runCommand(desk.simulator, name, JSON.stringify(body));
  run("POST /accounts", { id: "b", balances: { USDT: "500" } });
  const { json } = run("POST /keys", { accountId: "b", ips: ["10.0.0.7"] });
  assert.match((json as { apiKey: string }).apiKey, /^[A-Za-z0-9]{64}$/);
  run("POST /market/price", { symbol: SYMBOL, price: "61234.567" });
  run("PATCH /symbols", {
    symbol: SYMBOL,
    status: "HALT",
    filters: [{ filterType: "LOT_SIZE", minQty: "0.1", maxQty: "1", stepSize: "0.1" }],
  });
  run("POST /clock", { skewMs: -5_000 });
  assert.equal(run("POST /faults", { kind: "html", path: "/api/v3/order" }).status, 200);
  const info = answered(desk.simulator.api.handle({
    method: "GET",
    path: "/api/v3/exchangeInfo",
    query: "symbol=BTCUSDT",
    body: "",
    apiKey: null,
    ip: "",
  })).body;
  assert.equal(info.serverTime, desk.clock.now() - 5_000);
  assert.equal(info.symbols[0].status, "HALT");
  const lot = info.symbols[0].filters.find((filter: { filterType: string }) =>
    filter.filterType === "LOT_SIZE"
  );
  assert.deepEqual(lot, {
    filterType: "LOT_SIZE",
    minQty: "0.10000000",
    maxQty: "1.00000000",
    stepSize: "0.10000000",
  });
  const state = run("GET /state").json as { prices: Record<string, string>; leaks: Record<string, string> };
  assert.equal(state.prices.BTCUSDT, "61234.56000000");
  assert.deepEqual(state.leaks, {});
  assert.equal(run("POST /faults", { kind: "earthquake" }).status, 400);
  assert.equal(run("POST /accounts", { id: "c", balances: { USDT: "1e3" } }).status, 400);
  assert.equal(run("POST /nothing").status, 404);
  assert.equal(runCommand(desk.simulator, "POST /clock", "{").status, 400);
});

Deno.test("over HTTP, the admin's port asks for the token and the API's faults do not reach it", async () => {
  const simulator = new Simulator(wallClock, 1);
  await using api = await serveApi(simulator, 0);
  await using admin = await serveAdmin(simulator, 0, "secret");
  const headers = { authorization: "Bearer secret" };
  const refused = await fetch(`${admin.url}/state`);
  assert.equal(refused.status, 401);
  await refused.body?.cancel();
  const down = await fetch(`${admin.url}/restart`, { method: "POST", headers, body: '{"downMs":60000}' });
  assert.equal(down.status, 200);
  await down.body?.cancel();
  await assert.rejects(fetch(`${api.url}/api/v3/ping`));
  const state = await fetch(`${admin.url}/state`, { headers });
  assert.equal((await state.json()).skewMs, 0);
});

Deno.test("over HTTP, a cut answer has its head and half of its body, and a stalled one keeps the line open", async () => {
  const simulator = new Simulator(wallClock, 1);
  await using api = await serveApi(simulator, 0);
  const rule = { times: 1, probability: 1, isExecuted: true, status: null };
  for (const [kind, ms] of [["truncated", 0], ["stalled", 300]] as const) {
    simulator.faults.add({ ...rule, kind, ms });
    const startedAt = performance.now();
    const answer = await fetch(`${api.url}/api/v3/exchangeInfo`);
    assert.equal(answer.status, 200);
    await assert.rejects(answer.text());
    assert.ok(performance.now() - startedAt >= ms, `${kind} ended after ${performance.now() - startedAt} ms`);
  }
});
