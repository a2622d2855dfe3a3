import assert from "node:assert/strict";
import { type ClaimedJob, withYard } from "./yard.ts";

Deno.test("many claimers never hold two entries of one portfolio, and no job is claimed twice", async () => {
  await withYard("claimers", async (yard) => {
    const [portfolios, each] = [6, 12];
    for (let p = 0; p < portfolios; p++) {
      const traderId = await yard.trader((await yard.user()).id);
      const ids = await yard.signals(traderId, each);
      for (const id of ids) await yard.decide(traderId, id);
    }
    const claimed: ClaimedJob[] = [];
    const held = new Set<string>();
    const claimer = async (name: string) => {
      for (;;) {
        const jobs = await yard.claim(name, 2);
        if (jobs.length === 0 && claimed.length >= portfolios * each) return;
        for (const job of jobs) {
          assert.ok(!held.has(job.portfolio_id), "another claimer holds an entry of this portfolio");
          held.add(job.portfolio_id);
          claimed.push(job);
        }
        for (const job of jobs) {
          // Free before the command commits: from there on others may rightly claim the next one.
          held.delete(job.portfolio_id);
          await yard.execute(job);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, n) => claimer(`claimer-${n}`)));
    assert.equal(claimed.length, portfolios * each);
    assert.equal(new Set(claimed.map(({ id }) => id)).size, claimed.length);
    await yard.assertBooks();
  });
});

Deno.test("a sweep neither waits for an entry that is being answered nor calls it dead", () =>
  withYard("sweep_beside_answer", async (yard) => {
    const traderId = await yard.trader((await yard.user()).id);
    const [signalId] = await yard.signals(traderId, 1);
    await yard.decide(traderId, signalId!);
    const [job] = await yard.claim("slow", 1);
    await yard
      .sql`update trading.jobs set failures = 7, lease_until = clock_timestamp() - interval '1 second' where id = ${
      job!.id
    }`;
    const answer = await yard.sql.reserve();
    try {
      await answer`begin`;
      await answer`select from trading.jobs where id = ${job!.id} for no key update`;
      await yard.sql.begin(async (sweep) => {
        await sweep`set local lock_timeout = '1s'`;
        await sweep`select trading.sweep()`;
      });
      await answer`commit`;
    } finally {
      answer.release();
    }
    const [row] = await yard.sql`select status from trading.jobs where id = ${job!.id}`;
    assert.equal(row!["status"], "running");
  }));
