import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { allDone, withYard, type Yard } from "./yard.ts";

const ROUNDS = 12;
/** Size of an entry and limits that admit it or not. */
const WIDE = { max_position_quote: 200, max_exposure_quote: 5_000 };
const NARROW = { max_position_quote: 50, max_exposure_quote: 5_000 };

const SET = "select public.set_risk_limits($1::text::jsonb, $2)";

/** Waits until some session waits for a lock of the portfolio. */
async function untilSomebodyWaits(sql: Sql): Promise<void> {
  for (;;) {
    const [row] =
      await sql`select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted`;
    if (row!["waiting"] > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function fateOf(yard: Yard, signalId: string): Promise<string> {
  const [row] = await yard.sql`
    select coalesce((select p.status from public.positions p where p.signal_id = s.id), s.rejection_code) as fate
    from public.signals s where s.id = ${signalId}`;
  return row!["fate"];
}

Deno.test("a limit that is lowered first denies the entry that waited for it", async () => {
  await withYard("limit_first", async (yard) => {
    const user = await yard.user();
    const traderId = await yard.trader(user.id, {}, WIDE);
    const [signalId] = await yard.signals(traderId, 1);
    await yard.decide(traderId, signalId!);
    let entry: Promise<void> | undefined;
    await yard.sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', '{"role":"service_role"}', true)`;
      await tx.unsafe(SET, [JSON.stringify(NARROW), traderId]);
      entry = yard.work("worker");
      await untilSomebodyWaits(yard.sql);
    });
    await entry;
    assert.equal(await fateOf(yard, signalId!), "max_position");
    await yard.assertBooks();
  });
});

Deno.test("a limit that is lowered while an entry is judged waits for it, and sells nothing afterwards", async () => {
  await withYard("entry_first", async (yard) => {
    const user = await yard.user();
    const traderId = await yard.trader(user.id, {}, WIDE);
    const [signalId] = await yard.signals(traderId, 1);
    await yard.decide(traderId, signalId!);
    const [job] = await yard.claim("worker", 1);
    let change: Promise<void> | undefined;
    await yard.sql.begin(async (tx) => {
      await tx`select trading.execute_job(${job!.id}, ${job!.fence})`;
      change = yard.command(SET, [JSON.stringify(NARROW), traderId]);
      await untilSomebodyWaits(yard.sql);
    });
    await change;
    assert.equal(await fateOf(yard, signalId!), "open");
    await yard.crew(2);
    assert.equal(await fateOf(yard, signalId!), "open");
    await yard.assertBooks();
  });
});

Deno.test("entries and changes of limits at once: each verdict names the version it was judged by, and none is older than its lock", async () => {
  await withYard("limit_race", async (yard) => {
    const user = await yard.user();
    const traderId = await yard.trader(user.id, {}, WIDE);
    const signals = await yard.signals(traderId, ROUNDS);
    const changes = (async () => {
      for (let n = 0; n < ROUNDS; n++) {
        await yard.command(SET, [JSON.stringify(n % 2 === 0 ? NARROW : WIDE), traderId]);
      }
    })();
    const decisions = allDone(signals.map((id) => yard.decide(traderId, id)));
    await yard.crew(4, allDone([changes, decisions]));

    // Committed in the order of the portfolio's lock, versions can only rise from one verdict to the next.
    const rows = await yard.sql<{ version: number; limit: string; passed: boolean; known: string }[]>`
      select c.limits_version as version, c.facts #>> '{limits,max_position_quote}' as limit, c.passed,
        v.limits ->> 'max_position_quote' as known
      from trading.risk_checks c
      join public.audit_log a on a.detail ->> 'risk_check_id' = c.id::text
      join trading.risk_limit_versions v on v.trader_id = c.trader_id and v.version = c.limits_version
      order by a.id`;
    assert.equal(rows.length, ROUNDS);
    for (const [n, { version, limit, passed, known }] of rows.entries()) {
      assert.equal(limit, known);
      assert.equal(passed, limit === "200");
      if (n > 0) assert.ok(version >= rows[n - 1]!.version, "an older version after a newer one");
    }
    await yard.assertBooks();
  });
});
