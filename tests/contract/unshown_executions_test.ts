/** What an order says it executed and no list of executions shows: sales and stops go on with what is surely there. */
import assert from "node:assert/strict";
import { fixed } from "../../simulator/core/fixed.ts";
import { fault } from "../harness/faults.ts";
import { TroubledDesk } from "./troubled_desk.ts";

const MINUTE_MS = 60_000;
/** A step of the desk's time: an exit looks twice, a second apart. */
const SECOND_MS = 1_000;

/** The target at 63000 is executed in part, which ends its stop, and the exchange shows no executions. */
async function targetReachedInSilence(): Promise<TroubledDesk> {
  const desk = await TroubledDesk.holding();
  desk.floor.simulator.faults.add(
    fault("overloaded", { method: "GET", path: "/api/v3/myTrades", isExecuted: false }),
  );
  desk.floor.simulator.move("BTCUSDT", {
    kind: "trade",
    price: fixed("63000"),
    quantity: fixed("0.0006"),
    isBuyerMaker: false,
  });
  await desk.floor.tick("BTCUSDT", "62990", "63000.01");
  await desk.floor.settle();
  return desk;
}

Deno.test("a target executed in part while executions are not shown leaves the rest with a stop", async () => {
  await using desk = await targetReachedInSilence();
  await desk.go(3 * SECOND_MS, SECOND_MS);
  assert.equal(desk.floor.held(desk.user, "BTC"), "0.00000835/0.00104");
  const [row] = await desk.floor.sql`
    select sum(o.quantity)::text as guarded from public.orders o where o.role = 'stop_loss' and o.state = 'working'`;
  assert.equal(row!["guarded"], "0.00104");
  desk.floor.simulator.faults.clear();
  await desk.go(MINUTE_MS);
  await desk.assertGuarded("0.00104835");
  await desk.assertSettled();
});

Deno.test("a position is sold while executions of its target are not shown, and closes when they are", async () => {
  await using desk = await targetReachedInSilence();
  await desk.close();
  await desk.go(3 * SECOND_MS, SECOND_MS);
  assert.equal(desk.floor.held(desk.user, "BTC"), "0.00000835/0");
  assert.equal((await desk.position()).quantity, "0.00060835");
  await desk.go(2 * MINUTE_MS);
  assert.ok((await desk.alerts()).includes("fills_missing"));
  desk.floor.simulator.faults.clear();
  await desk.go(MINUTE_MS);
  assert.equal((await desk.position()).status, "closed");
  assert.deepEqual(await desk.alerts(), []);
  await desk.assertSettled();
});

Deno.test("a target that is said to have executed, and has not, keeps no sale and no comparison waiting", async () => {
  await using desk = await TroubledDesk.holding();
  desk.floor.simulator.faults.add(fault("altered", {
    times: 2,
    method: "GET",
    path: "/api/v3/order",
    alter: { status: "PARTIALLY_FILLED", executedQty: "0.0005" },
  }));
  await desk.go(MINUTE_MS / 2 + 5 * SECOND_MS, SECOND_MS);
  await desk.close();
  await desk.go(MINUTE_MS, SECOND_MS);
  assert.equal((await desk.position()).status, "closed");
  const [row] = await desk.floor.sql`
    select (select count(*)::int from public.orders o where o.finished_at is null) as open,
      (select c.unsettled_assets from trading.account_checks c order by c.id desc limit 1) as unsettled,
      (select count(*)::int from public.audit_log a where a.action = 'execution_taken_back') as taken_back`;
  assert.deepEqual(row, { open: 0, unsettled: [], taken_back: row!["taken_back"] });
  assert.ok(row!["taken_back"] > 0);
  await desk.assertSettled();
});
