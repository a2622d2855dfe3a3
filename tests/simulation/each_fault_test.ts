/** Every kind of fault on every way of placing an order, carried out or not: each ends with the books as the exchange is. */
import assert from "node:assert/strict";
import { findLeaks } from "../../simulator/engine/accounts.ts";
import { FAULT_KINDS, type FaultKind } from "../../simulator/faults/faults.ts";
import { type ExchangeFloor, type LiveUser, withExchangeFloor } from "../harness/exchange_floor.ts";
import { fault } from "../harness/faults.ts";

const PATHS = {
  entry: "/api/v3/order",
  guard: "/api/v3/orderList/oco",
  replacement: "/api/v3/order/cancelReplace",
} as const;
type Placing = keyof typeof PATHS;
/** Kinds that say nothing about whether the request was carried out. */
const OPEN_FATE: readonly FaultKind[] = [
  "bus_error",
  "backend_timeout",
  "internal_error",
  "overloaded",
  "server_error",
  "html",
];
const FAULT_MS = 3_000;
const ROUND_MS = 4_000;
/** Longer than the proof that an entry was never placed takes, with its back-offs. */
const ROUNDS_MAX = 60;

function settlement(floor: ExchangeFloor) {
  return floor.sql`
    select count(*) filter (where p.status not in ('closed', 'failed', 'open', 'monitoring'))::int as under_way,
      (select count(*)::int from public.orders where state in ('submitting', 'unknown')) as unknown,
      (select count(*)::int from trading.engine_stops where naked_since is not null) as naked,
      (select count(*)::int from trading.jobs where status = 'running' or (status = 'queued' and kind in ('enter', 'exit', 'protect'))) as jobs
    from public.positions p`;
}

/** Time goes by, the market stands, until nothing is under way. */
async function settleAll(floor: ExchangeFloor): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await floor.settle(ROUND_MS);
    await floor.sweep();
    await floor.tick("BTCUSDT", "60000", "60000.01");
    const [left] = await settlement(floor);
    if (Object.values(left!).every((count) => count === 0)) return;
  }
  const [left] = await settlement(floor);
  assert.fail(`not settled: ${JSON.stringify(left)}`);
}

/** An entry, its guard and its close, with one fault in the way of one of them. */
async function live(
  floor: ExchangeFloor,
  kind: FaultKind,
  placing: Placing,
  isExecuted: boolean,
): Promise<LiveUser> {
  const user = await floor.hire({ USDT: "10000" });
  await floor.settle();
  floor.simulator.faults.clear();
  const alter = kind === "altered" ? { alter: { orderId: null } } : {};
  floor.simulator.faults.add(
    fault(kind, { method: "POST", path: PATHS[placing], times: 1, isExecuted, ms: FAULT_MS, ...alter }),
  );
  await floor.decide(user, "BTCUSDT", { stopLoss: 58000, takeProfit: [63000] });
  await settleAll(floor);
  const open = await floor.sql`
    select id from public.positions where user_id = ${user.id} and status in ('open', 'monitoring')`;
  for (const { id } of open) await floor.command("select public.close_position($1)", [id]);
  await settleAll(floor);
  return user;
}

async function assertRight(floor: ExchangeFloor, user: LiveUser, words: string): Promise<void> {
  const account = floor.simulator.state.accounts.get(user.exchangeAccount)!;
  assert.equal(account.openOrders.size, 0, `${words}: orders left at the exchange`);
  await floor.assertLedger(user, words);
  await floor.assertBooks();
  assert.deepEqual(findLeaks(floor.simulator.state), new Map(), words);
}

for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
  Deno.test(`after ${kind} on any placing the books are what the exchange says`, () =>
    withExchangeFloor(`fault_${kind}`, async (floor) => {
      const fates = OPEN_FATE.includes(kind) ? [true, false] : [FAULT_KINDS[kind].isExecuted];
      // A copy of an order that fills at once is a second order under its id: docs/decisions/0024.
      const placings = (Object.keys(PATHS) as Placing[]).filter((one) =>
        kind !== "duplicate" || one !== "entry"
      );
      for (const isExecuted of fates) {
        for (const placing of placings) {
          const user = await live(floor, kind, placing, isExecuted);
          await assertRight(floor, user, `${kind} on the ${placing}, ${isExecuted ? "" : "not "}carried out`);
        }
      }
    }));
}
