import assert from "node:assert/strict";
import { eventually } from "../../local/testing.ts";
import { allDone, withYard, type Yard } from "./yard.ts";

const USERS = 6;
const ENTRIES_EACH = 20;
const SYSTEM = "00000000-0000-0000-0000-000000000000";
/** A halt waits for commits that are under way, not for the queue. */
const HALT_MAX_MS = 1_000;

/** Entry orders that ever got a permit, of one user or of all. */
async function permits(sql: Yard["sql"], userId: string | null): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from public.orders where role = 'entry' and permitted_at is not null
      and (${userId}::uuid is null or user_id = ${userId}) order by id`;
  return rows.map(({ id }) => id);
}

/**
 * Halts as a stop does: the scope's gate exclusively, then the state, then the commit. Resolves with the permits that
 * were given before: read under the gate, so that every later one would be one too many.
 */
async function halt(yard: Yard, scope: "system" | "user", scopeId: string, state: string) {
  const startedAt = performance.now();
  const before = await yard.sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(trading.gate_key(${scope}, ${scopeId}))`;
    await tx`insert into trading.trading_states as s (scope, scope_id, state, epoch, reason, set_by)
      values (${scope}, ${scopeId}, ${state}, 1, 'a test', 'test')
      on conflict (scope, scope_id) do update set state = excluded.state, epoch = s.epoch + 1`;
    return await permits(tx as never, scope === "user" ? scopeId : null);
  });
  return { before, tookMs: performance.now() - startedAt };
}

/** Users with undecided signals of a trader each. */
async function crowd(yard: Yard) {
  return await Promise.all(Array.from({ length: USERS }, async () => {
    const user = await yard.user();
    const traderId = await yard.trader(user.id);
    return { userId: user.id, traderId, signals: await yard.signals(traderId, ENTRIES_EACH) };
  }));
}

/** Waits until a part of the entries has been executed, so that the halt comes into the middle. */
async function underWay(yard: Yard): Promise<void> {
  await eventually("the first permits", async () => (await permits(yard.sql, null)).length > 0 || null);
}

for (const [scope, state] of [["system", "halted"], ["system", "reducing"], ["user", "halted"]] as const) {
  Deno.test(`after the commit that puts the ${scope} to ${state} no entry gets a permit, whoever is at work`, async () => {
    await withYard(`halt_${scope}`, async (yard) => {
      const people = await crowd(yard);
      const scopeId = scope === "system" ? SYSTEM : people[0]!.userId;
      const decisions = allDone(people.map(async ({ traderId, signals }) => {
        for (const signalId of signals) await yard.decide(traderId, signalId);
      }));
      const work = yard.crew(5, decisions);
      await underWay(yard);
      const { before, tookMs } = await halt(yard, scope, scopeId, state);
      await work;

      assert.deepEqual(await permits(yard.sql, scope === "user" ? scopeId : null), before);
      assert.ok(tookMs < HALT_MAX_MS, `the halt took ${tookMs} ms`);
      const concerned = scope === "system" ? people : people.slice(0, 1);
      const rejected = await yard.sql<{ code: string }[]>`
        select s.rejection_code as code from public.signals s join public.traders t on t.id = s.trader_id
        where t.user_id = any (${concerned.map(({ userId }) => userId)}) and s.status = 'rejected'`;
      assert.equal(rejected.length, concerned.length * ENTRIES_EACH - before.length);
      assert.ok(rejected.length > 0, "the halt came into the middle");
      // By the rule, or at the last gate where the halt came in between: the reason is the same.
      assert.ok(rejected.every(({ code }) => code === "trading_not_active"));
      if (scope === "user") {
        const others = await permits(yard.sql, null);
        assert.equal(others.length - before.length, (USERS - 1) * ENTRIES_EACH, "the others go on");
      }
      await yard.assertBooks();
    });
  });
}

Deno.test("during a halt positions are closed by hand and by their stops", async () => {
  await withYard("halted_exits", async (yard) => {
    const [person] = await crowd(yard);
    const { traderId, signals } = person!;
    for (const signalId of signals.slice(0, 4)) await yard.decide(traderId, signalId);
    await yard.crew(2);
    await halt(yard, "system", SYSTEM, "halted");
    const open = await yard.sql<
      { id: string }[]
    >`select id from public.positions where status = 'open' order by id`;
    for (const { id } of open.slice(0, 2)) await yard.command("select public.close_position($1)", [id]);
    await yard.crew(2);
    await yard.price("BTCUSDT", { bid: "48000", ask: "48001" });
    await yard.crew(2);
    const reasons = await yard.sql<{ reason: string; n: number }[]>`
      select exit_reason as reason, count(*)::int as n from public.positions where status = 'closed' group by 1 order by 1`;
    assert.deepEqual(reasons.map((row) => ({ ...row })), [{ reason: "manual", n: 2 }, {
      reason: "stop_loss",
      n: 2,
    }]);
    await yard.assertBooks();
  });
});
