import assert from "node:assert/strict";
import { eventually } from "../../local/testing.ts";
import { withYard, type Yard } from "./yard.ts";

/** Waits until some session waits for a lock inside a statement with these words. */
async function waiting(yard: Yard, words: string): Promise<void> {
  await eventually(`a session that waits in ${words}`, async () => {
    const [row] = await yard.sql`
      select 1 from pg_stat_activity
      where wait_event_type = 'Lock' and query like ${"%" + words + "%"} and datname = current_database()`;
    return row ?? null;
  });
}

async function haltedScopes(yard: Yard): Promise<string[]> {
  const rows = await yard.sql<{ scope: string }[]>`
    select scope from trading.trading_states where state = 'halted' order by 1`;
  return rows.map(({ scope }) => scope);
}

Deno.test("a stop that comes while its trader switches the mode stops it in the new one", async () => {
  await withYard("switch_first", async (yard) => {
    const { id: userId } = await yard.user();
    const traderId = await yard.trader(userId);
    let stopping: Promise<unknown> = Promise.resolve();
    await yard.sql.begin(async (tx) => {
      await tx`update public.traders set paper_trade_mode = false where id = ${traderId}`;
      stopping = yard.sql`select public.stop_trading('trader', ${traderId}, 'halt', 'a test')`.execute();
      await waiting(yard, "stop_trading");
    });
    await stopping;
    assert.deepEqual(await haltedScopes(yard), ["trader"]);
  });
});

Deno.test("a switch that comes while its trader is being stopped is refused", async () => {
  await withYard("stop_first", async (yard) => {
    const { id: userId } = await yard.user();
    const traderId = await yard.trader(userId);
    let switching: Promise<string> = Promise.resolve("");
    await yard.sql.begin(async (tx) => {
      await tx`select public.stop_trading('trader', ${traderId}, 'halt', 'a test')`;
      switching = yard.sql`update public.traders set paper_trade_mode = false where id = ${traderId}`
        .then(() => "switched", (error) => error.message.split(":")[0]);
      await waiting(yard, "update public.traders");
    });
    assert.equal(await switching, "mode_switch_refused");
    assert.deepEqual(await haltedScopes(yard), ["account"]);
  });
});
