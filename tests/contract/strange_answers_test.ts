/** Whole answers that say something else than they should: nothing is believed, sent twice or forgotten. */
import assert from "node:assert/strict";
import type { Alteration } from "../../simulator/faults/faults.ts";
import { fault } from "../harness/faults.ts";
import { HELD, TroubledDesk } from "./troubled_desk.ts";

const MINUTE_MS = 60_000;

const ANSWERS: readonly (readonly [what: string, alter: Alteration, padding?: number])[] = [
  ["with a status that nobody has met", { status: "SLEEPING" }],
  ["without its status", { status: null }],
  ["without what was executed", { executedQty: null }],
  ["without the order's id", { orderId: null }],
  ["that names another order", { clientOrderId: "somebody-elses" }],
  ["with text where a number belongs", { orderId: "twenty-eight", transactTime: "now" }],
  ["with a number where text belongs", { executedQty: 0.00165, cummulativeQuoteQty: 99.0165 }],
  ["with an amount that is none", { executedQty: "1e400" }],
  ["of ten megabytes", {}, 10 * 1024 * 1024],
];

for (const [what, alter, padding = 0] of ANSWERS) {
  Deno.test(`an entry's answer ${what} leads to one order, one position and its guard`, async () => {
    await using desk = await TroubledDesk.open();
    desk.floor.simulator.faults.add(
      fault("altered", { times: 1, method: "POST", path: "/api/v3/order", alter, padding }),
    );
    await desk.enter();
    await desk.go(MINUTE_MS);

    assert.equal(desk.placed("BUY"), 1);
    await desk.assertGuarded(HELD);
    await desk.assertSettled();
  });
}

for (const [what, alter, padding = 0] of [ANSWERS[0]!, ANSWERS[8]!]) {
  Deno.test(`the answer to a guard ${what} leaves the position guarded once, and sold once when it closes`, async () => {
    await using desk = await TroubledDesk.open();
    desk.floor.simulator.faults.add(
      fault("altered", { times: 1, method: "POST", path: "/api/v3/orderList/oco", alter, padding }),
    );
    await desk.enter();
    await desk.go(MINUTE_MS);
    await desk.assertGuarded();
    await desk.close();
    await desk.go(10_000);
    assert.equal((await desk.position()).status, "closed");
    await desk.assertSettled();
  });
}

Deno.test("questions answered strangely for minutes change nothing, are not asked in a loop, and are understood again after", async () => {
  await using desk = await TroubledDesk.holding();
  for (const path of ["/api/v3/order", "/api/v3/account", "/api/v3/openOrders", "/api/v3/myTrades"]) {
    desk.floor.simulator.faults.add(
      fault("altered", { method: "GET", path, alter: { status: "SLEEPING", balances: "none", qty: "much" } }),
    );
  }
  const count = await desk.requestsWhile(() => desk.go(5 * MINUTE_MS));
  assert.ok(count <= 5 * 30, `${count} requests`);
  await desk.assertGuarded();

  desk.floor.simulator.faults.clear();
  await desk.floor.price("BTCUSDT", "57000", "57010");
  await desk.go(MINUTE_MS);
  assert.deepEqual((await desk.position()).reason, "stop_loss");
  await desk.assertSettled();
});
