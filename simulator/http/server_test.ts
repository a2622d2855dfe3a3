/** The program as a server: what strangers send it, all at once. */
import assert from "node:assert/strict";
import { wallClock } from "../core/clock.ts";
import { Simulator } from "../simulator.ts";
import { runCommand, serveAdmin } from "./admin.ts";
import { serveApi } from "./server.ts";

async function withServers(test: (api: string, admin: string, simulator: Simulator) => Promise<void>) {
  const simulator = new Simulator(wallClock, 1);
  await using api = await serveApi(simulator, 0);
  await using admin = await serveAdmin(simulator, 0, "secret");
  await test(api.url, admin.url, simulator);
}

Deno.test("a request of ten megabytes is refused with 413, on both ports, and the next one is answered", async () => {
  await withServers(async (api, admin) => {
    const body = "x".repeat(10_000_000);
    for (const url of [`${api}/api/v3/order`, `${admin}/accounts`]) {
      const { status, body: answer } = await fetch(url, { method: "POST", body });
      assert.equal(status, 413, url);
      await answer?.cancel();
    }
    assert.deepEqual(await (await fetch(`${api}/api/v3/ping`)).json(), {});
  });
});

Deno.test("two hundred requests at once are all answered and all weighed", async () => {
  await withServers(async (api) => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => fetch(`${api}/api/v3/ticker/price?symbol=BTCUSDT`)),
    );
    const weights = await Promise.all(answers.map(async (answer) => {
      assert.equal((await answer.json()).symbol, "BTCUSDT");
      return parseInt(answer.headers.get("X-MBX-USED-WEIGHT-1M")!, 10);
    }));
    assert.equal(Math.max(...weights), 400);
  });
});

Deno.test("the admin's port tells a wrong token, a wrong path, broken JSON and unknown names apart, in words", async () => {
  await withServers(async (_api, admin) => {
    const ask = async (method: string, path: string, body: string | null, token = "secret") => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${admin}${path}`, { method, headers, body });
      return [answer.status, (await answer.json()).error as string] as const;
    };
    for (const token of ["", "Secret", "secret2", "\u00fc"]) {
      assert.equal((await ask("GET", "/state", null, token))[0], 401, token);
    }
    for (
      const [path, body, status, words] of [
        ["/nothing", "{}", 404, /There are: GET \/state/],
        ["/clock", "{", 400, /JSON/],
        ["/clock", "[]", 400, /expected object/],
        ["/clock", '{"skewMs":"1"}', 400, /skewMs/],
        ["/keys", '{"accountId":"nobody"}', 404, /There is no account "nobody"/],
        ["/market/price", '{"symbol":"AAABBB","price":"1"}', 400, /Invalid symbol/],
        ["/market/price", '{"symbol":"BTCUSDT","price":"0"}', 400, /above zero/],
        ["/market/trade", '{"symbol":"BTCUSDT","price":"0","quantity":"1"}', 400, /above zero/],
        ["/market/book", '{"symbol":"BTCUSDT","bids":[["2","1"]],"asks":[["1","1"]]}', 400, /cross/],
      ] as const
    ) {
      const [seen, error] = await ask("POST", path, body);
      assert.deepEqual([seen, words.test(error)], [status, true], `${path} ${body}: ${error}`);
    }
  });
});

Deno.test("a symbol's filters change together or not at all, and only into what a filter is", () => {
  const simulator = new Simulator(wallClock, 1);
  const { rules } = simulator.state.markets.get("BTCUSDT")!;
  const before = JSON.stringify(rules, (_key, value) => typeof value === "bigint" ? String(value) : value);
  const lot = { filterType: "LOT_SIZE", minQty: "1", maxQty: "2", stepSize: "1" };
  for (
    const filters of [
      [lot, { filterType: "MAX_POSITION", maxPosition: "much" }],
      [lot, { filterType: "PRICE_FILTER", minPrice: "1" }],
      [lot, { filterType: "LOT_SIZE", minQty: 1, maxQty: "2", stepSize: "1" }],
      [{ minQty: "1" }],
    ]
  ) {
    const body = JSON.stringify({ symbol: "BTCUSDT", status: "HALT", filters });
    assert.equal(runCommand(simulator, "PATCH /symbols", body).status, 400, body);
    const after = JSON.stringify(rules, (_key, value) => typeof value === "bigint" ? String(value) : value);
    assert.equal(after, before, body);
  }
});

Deno.test("offers come in any order, empty ones among them, and stand best first", () => {
  const simulator = new Simulator(wallClock, 1);
  const body = {
    symbol: "BTCUSDT",
    bids: [["1", "1"], ["3", "0"], ["2", "1"]],
    asks: [["6", "1"], ["5", "1"]],
  };
  assert.equal(runCommand(simulator, "POST /market/book", JSON.stringify(body)).status, 200);
  const { bids, asks } = simulator.state.markets.get("BTCUSDT")!.outside;
  assert.deepEqual(bids.map(({ price }) => price / 100_000_000n), [2n, 1n]);
  assert.deepEqual(asks.map(({ price }) => price / 100_000_000n), [5n, 6n]);
});

Deno.test("the log remembers a request, not all of what was sent with it", async () => {
  const simulator = new Simulator(wallClock, 1);
  const query = `symbol=${"x".repeat(60_000)}&signature=abc`;
  await simulator.handle({ method: "GET", path: "/api/v3/ping", query, body: "", apiKey: null, ip: "" });
  assert.ok(simulator.log[0]!.params.length <= 2_000);
});
