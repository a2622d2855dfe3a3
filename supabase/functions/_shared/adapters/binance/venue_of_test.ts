import assert from "node:assert/strict";
import { wallClock } from "../../../../../simulator/core/clock.ts";
import { fixed } from "../../../../../simulator/core/fixed.ts";
import { deposit } from "../../../../../simulator/engine/accounts.ts";
import { serveApi } from "../../../../../simulator/http/server.ts";
import { openMarkets } from "../../../../../simulator/market/synthetic.ts";
import { Simulator } from "../../../../../simulator/simulator.ts";
import { buy, leaveFor, SYMBOL } from "../../../../../tests/harness/binance_floor.ts";
import { venueOf } from "./venue_of.ts";

Deno.test("an environment's venue trades where its variable points, over sockets and by the clock", async () => {
  const simulator = new Simulator(wallClock, 1);
  openMarkets(simulator.state, 1, wallClock.now());
  simulator.openAccount("demo");
  deposit(simulator.state, "demo", "USDT", fixed("10000"));
  const { apiKey, secret } = simulator.addKey("demo");
  await using server = await serveApi(simulator, 0);
  const venue = venueOf("testnet", { BINANCE_TESTNET_URL: `${server.url}/` });

  const { serverTimeMs } = await venue.serverTime();
  assert.ok(Math.abs(serverTimeMs! - Date.now()) < 5_000);
  const placed = await venue.submit(SYMBOL, buy("a-1"), leaveFor({ apiKey, secret }));
  assert.deepEqual([placed.outcome, placed.order!.status], ["accepted", "filled"]);
  assert.equal(placed.facts.orderCount10s, 0);
  const looked = await venue.lookup(SYMBOL, { clientOrderId: "a-1" }, leaveFor({ apiKey, secret }));
  assert.equal(looked.order!.executedQuantity, placed.order!.executedQuantity);
  assert.deepEqual(simulator.log.map(({ method, status }) => [method, status]), [
    ["GET", 200],
    ["POST", 200],
    ["GET", 200],
  ]);
});

Deno.test("a malformed address is refused before anything is sent there", () => {
  assert.throws(
    () => venueOf("production", { BINANCE_PRODUCTION_URL: "ftp://x.test" }),
    /BINANCE_PRODUCTION_URL/,
  );
});
