/** What its user reads when the account cannot be traded on, against the simulator in the testnet's place. */
import assert from "node:assert/strict";
import { wallClock } from "../../simulator/core/clock.ts";
import { fixed } from "../../simulator/core/fixed.ts";
import { deposit } from "../../simulator/engine/accounts.ts";
import { serveApi } from "../../simulator/http/server.ts";
import { openMarkets } from "../../simulator/market/synthetic.ts";
import { Simulator } from "../../simulator/simulator.ts";
import { connect } from "./connection.ts";
import { type Target, UnusableError } from "./target.ts";

async function exchange(usdt = "1000") {
  const simulator = new Simulator(wallClock, 1);
  openMarkets(simulator.state, 1, wallClock.now());
  simulator.openAccount("owner");
  deposit(simulator.state, "owner", "USDT", fixed(usdt));
  const server = await serveApi(simulator, 0);
  const target: Target = {
    environment: "demo",
    url: server.url,
    urlVariable: "BINANCE_DEMO_URL",
    key: simulator.addKey("owner"),
    symbol: "BTCUSDT",
    maxQuote: 40,
  };
  return { simulator, target, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Answers every question about the account so; the time it tells. */
function answering(status: number, body: string) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) =>
      url.endsWith("/time") ? Response.json({ serverTime: Date.now() }) : new Response(body, { status }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function failureOf(target: Target): Promise<Error> {
  const error: Error = await connect(target).then(() => assert.fail("it connects"), (error) => error);
  assert.doesNotMatch(error.message, /\n/, "one line");
  assert.match(error.message, /[.?] Nothing was started\.$/);
  assert.ok(!error.message.includes(target.key.apiKey) && !error.message.includes(target.key.secret));
  return error;
}

Deno.test("an account that can be traded on is known by its uid, and nothing was changed there", async () => {
  await using there = await exchange();
  const { uid } = await connect(there.target);
  assert.match(uid, /^\d+$/);
  assert.deepEqual(there.simulator.log.map(({ method, path }) => `${method} ${path}`), [
    "GET /api/v3/time",
    "GET /api/v3/account",
    "DELETE /api/v3/order",
  ]);
});

Deno.test("what was given and cannot be used is told with what to do", async () => {
  await using there = await exchange();
  const { simulator, target } = there;
  const { url, key } = target;
  const cases: readonly [Partial<Target>, RegExp][] = [
    [
      { key: { ...key, apiKey: "x".repeat(64) } },
      /-2015.*Is BINANCE_DEMO_KEY a Spot key of demo\.binance\.com/,
    ],
    [{ key: { ...key, apiKey: "short" } }, /-2014.*Is BINANCE_DEMO_KEY a Spot key/],
    [
      { key: { ...key, secret: "another" } },
      /-1022.*Is BINANCE_DEMO_SECRET the secret of BINANCE_DEMO_KEY\?/,
    ],
    [{ symbol: "NOSUCHUSDT" }, /-1121.*Is NOSUCHUSDT \(--symbol\) traded there\?/],
    [
      { key: simulator.addKey("owner", { canTrade: false }) },
      /-2015.*It reads the account\. Is BINANCE_DEMO_KEY.* may trade/,
    ],
    [
      { maxQuote: 1001 },
      /has 1000 USDT free, and a position may cost 1001\. Lower that with --max, or at demo/,
    ],
  ];
  for (const [change, words] of cases) {
    const error = await failureOf({ ...target, url, ...change });
    assert.match(error.message, words);
    assert.ok(error instanceof UnusableError, error.message);
  }
  simulator.state.accounts.get("owner")!.canTrade = false;
  const error = await failureOf(target);
  assert.match(error.message, /does not let this account trade\. Look at the account at demo\.binance\.com/);
  assert.ok(error instanceof UnusableError);
});

Deno.test("an exchange that is not there, or has trouble, is none of the caller's mistakes", async () => {
  await using there = await exchange();
  const silent = await failureOf({ ...there.target, url: "http://127.0.0.1:1" });
  assert.match(silent.message, /no connection.*Is the exchange at that address \(BINANCE_DEMO_URL\)/);
  assert.ok(!(silent instanceof UnusableError));
  const cases: readonly [number, string, RegExp][] = [
    [451, "<html>\n\nService unavailable", /with 451: <html> Service.*Binance does not serve every country/],
    [418, '{"code":-1003}', /Too much was asked from this address: wait/],
    [503, "busy", /with 503: busy\. Try again later\./],
    [200, "<html>", /no JSON\. Is Binance's API at that address \(BINANCE_DEMO_URL\)\?/],
  ];
  for (const [status, body, words] of cases) {
    await using server = answering(status, body);
    const error = await failureOf({ ...there.target, url: server.url });
    assert.match(error.message, words);
    assert.ok(!(error instanceof UnusableError), error.message);
  }
});
