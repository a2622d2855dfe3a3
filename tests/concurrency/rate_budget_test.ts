import assert from "node:assert/strict";
import { withYard, type Yard } from "./yard.ts";

const WORKERS = 20;
const DRAWS_EACH = 30;
const BURST = 50;
const PER_SECOND = 40;

interface Draw {
  readonly granted: boolean;
  readonly wait_ms?: number;
}

async function drawAs(yard: Yard, accountId: string): Promise<Draw> {
  const [row] = await yard.sql`
    select trading.draw_budget(${accountId}, 'exit', 1, 0, clock_timestamp()) as draw`;
  return row!["draw"];
}

Deno.test("twenty workers of many accounts together never draw more than the exchange's bucket holds", async () => {
  await withYard("rate_budget", async (yard) => {
    await yard.sql`
      update trading.rate_rules set burst = ${BURST}, per_second = ${PER_SECOND}, entry_reserve = 0, check_reserve = 0, ask_reserve = 0 where name = 'request_weight'`;
    const begin = performance.now();
    const draws = await Promise.all(Array.from({ length: WORKERS }, async () => {
      const accountId = crypto.randomUUID();
      const mine: Draw[] = [];
      for (let n = 0; n < DRAWS_EACH; n++) mine.push(await drawAs(yard, accountId));
      return mine;
    }));
    const seconds = (performance.now() - begin) / 1_000;

    const granted = draws.flat().filter((draw) => draw.granted).length;
    assert.ok(granted >= BURST, `only ${granted} were granted`);
    assert.ok(granted <= BURST + PER_SECOND * seconds, `${granted} granted within ${seconds} s`);
    assert.ok(draws.flat().some((draw) => !draw.granted && draw.wait_ms! > 0), "nobody had to wait");
  });
});

/** What a transaction may do to the weight before it asks: settle a call that never left, heed the exchange's count. */
const WEIGHT_TOUCHED = {
  "gives weight back": "select trading.return_budget($1, 4, 0)",
  "heeds the exchange's count": "select trading.heed_used_weight($1, 5000)",
};

for (const [touches, statement] of Object.entries(WEIGHT_TOUCHED)) {
  Deno.test(`who ${touches} and asks in the same transaction is in no other question's way`, () =>
    withYard("rate_budget_order", async (yard) => {
      const [mine, other] = [crypto.randomUUID(), crypto.randomUUID()];
      const ask = "select trading.draw_budget($1, 'ask', 4, 0, clock_timestamp())";
      await yard.sql.unsafe(ask, [mine]);
      const session = await yard.sql.reserve();
      try {
        await session`begin`;
        await session.unsafe(statement, [mine]);
        const waits = yard.sql.unsafe(ask, [other]).execute();
        await waitsForLock(yard);
        await session.unsafe(ask, [mine]);
        await session`commit`;
        await waits;
      } finally {
        session.release();
      }
    }));
}

async function waitsForLock(yard: Yard): Promise<void> {
  for (let n = 0; n < 100; n++) {
    const [row] = await yard.sql`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%draw_budget%'`;
    if (row!["waiting"] > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nobody waits");
}
