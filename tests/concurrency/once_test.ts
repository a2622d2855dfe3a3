import assert from "node:assert/strict";
import { eventually } from "../../local/testing.ts";
import { type Refusal, withYard, type Yard } from "./yard.ts";

async function positionsOf(yard: Yard, signalId: string): Promise<number> {
  const [row] = await yard.sql`select count(*)::int as n from public.positions where signal_id = ${signalId}`;
  return row!["n"];
}

async function oneDecision(yard: Yard): Promise<string> {
  const traderId = await yard.trader((await yard.user()).id);
  const [signalId] = await yard.signals(traderId, 1);
  await yard.decide(traderId, signalId!);
  return signalId!;
}

Deno.test("a signal decided 50 times over 10 connections, with four workers at it, has one position", async () => {
  await withYard("decided_often", async (yard) => {
    const traderId = await yard.trader((await yard.user()).id);
    const [signalId] = await yard.signals(traderId, 1);
    const decisions = Promise.all(Array.from({ length: 10 }, async () => {
      for (let n = 0; n < 5; n++) await yard.decide(traderId, signalId!);
    }));
    await yard.crew(4, decisions);
    assert.equal(await positionsOf(yard, signalId!), 1);
    const [row] = await yard.sql`
      select (select count(*)::int from public.orders where role = 'entry') as entries,
        (select count(*)::int from trading.jobs where status = 'done') as jobs,
        (select count(*)::int from public.audit_log where action = 'decision_recorded') as recorded,
        (select count(*)::int from public.audit_log where action = 'decision_ignored') as ignored`;
    assert.deepEqual({ ...row }, { entries: 1, jobs: 50, recorded: 50, ignored: 49 });
    await yard.assertBooks();
  });
});

Deno.test("of two workers that execute the same claim at once, one does and one is refused by the fence", async () => {
  await withYard("same_claim", async (yard) => {
    for (let round = 0; round < 10; round++) {
      const signalId = await oneDecision(yard);
      const [job] = await yard.claim("first", 1);
      const outcomes = await Promise.allSettled([yard.execute(job!), yard.execute(job!), yard.execute(job!)]);
      const refused = outcomes.filter((one) => one.status === "rejected").map(({ reason }) =>
        (reason as Refusal).message
      );
      assert.equal(refused.length, 2);
      assert.ok(refused.every((message) => message.startsWith("fence_lost: ")), refused.join());
      assert.equal(await positionsOf(yard, signalId), 1);
    }
    await yard.assertBooks();
  });
});

Deno.test("a worker whose lease ran out is refused, and the next holder's effect is the only one", async () => {
  await withYard("lost_lease", async (yard) => {
    const signalId = await oneDecision(yard);
    const [stale] = await yard.claim("slow", 1);
    await yard.sql`update trading.jobs set lease_until = clock_timestamp() - interval '1 ms'`;
    await yard.sql`select trading.sweep()`;
    const [fresh] = await yard.claim("quick", 1);
    assert.deepEqual([fresh!.id, fresh!.fence], [stale!.id, stale!.fence + 1]);
    for (
      const command of [
        () => yard.execute(stale!),
        () => yard.fail(stale!, { code: "55P03", message: "late" }),
      ]
    ) {
      await assert.rejects(command(), /fence_lost/);
    }
    assert.equal((await yard.execute(fresh!)).outcome, "filled");
    await assert.rejects(yard.execute(fresh!), /fence_lost/);
    assert.equal(await positionsOf(yard, signalId), 1);
    await yard.assertBooks();
  });
});

Deno.test("entries of one portfolio are executed in the order of their decisions", async () => {
  await withYard("decision_order", async (yard) => {
    const traderId = await yard.trader((await yard.user()).id);
    const ids = await yard.signals(traderId, 30);
    for (const id of ids) await yard.decide(traderId, id);
    await yard.crew(6);
    const rows = await yard.sql<{ signal_id: string }[]>`
      select p.signal_id from public.positions p join public.audit_log a on a.subject_id = p.id::text and a.action = 'position_submitting'
      order by a.id`;
    assert.deepEqual(rows.map(({ signal_id }) => signal_id), ids);
  });
});

Deno.test("a job that meets a held lock for a second goes back to the queue unharmed and is done later", async () => {
  await withYard("lock_timeout", async (yard) => {
    const signalId = await oneDecision(yard);
    const [job] = await yard.claim("worker", 1);
    const lock = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const holder = yard.sql.begin(async (tx) => {
      await tx`select trading.lock_portfolio(${job!.portfolio_id})`;
      lock.resolve();
      await release.promise;
    });
    await lock.promise;
    const refusal: Refusal = await yard.execute(job!).then(
      () => assert.fail("the lock is held"),
      (error) => error,
    );
    assert.equal(refusal.code, "55P03");
    assert.equal(await yard.fail(job!, refusal), "queued");
    release.resolve();
    await holder;
    const [row] = await yard
      .sql`select status, attempts, due_at > clock_timestamp() as waits from trading.jobs`;
    assert.deepEqual({ ...row }, { status: "queued", attempts: 1, waits: true });
    assert.equal(await positionsOf(yard, signalId), 0);
    const [again] = await eventually("the job's next turn", async () => {
      const jobs = await yard.claim("worker", 1);
      return jobs.length > 0 ? jobs : null;
    });
    assert.equal((await yard.execute(again!)).outcome, "filled");
    await yard.assertBooks();
  });
});
