import assert from "node:assert/strict";
import postgres from "postgres";
import { cloneDatabase } from "../harness/database.ts";

const PATIENCE_MS = 20_000;
const POLL_MS = 50;

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (!await isSo()) {
    if (performance.now() > until) throw new Error(`${what}: not within ${PATIENCE_MS / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A running job whose worker died: the next sweep frees it. */
async function loseWorker(sql: postgres.Sql, key: string): Promise<void> {
  await sql`
    insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, status, worker, fence, attempts, lease_until, started_at)
    values ('sync', ${key}, gen_random_uuid(), true, now() + interval '1 hour', gen_random_uuid(), 'running', 'dead', 1, 1, now() - interval '1 second', now())`;
}

async function isFreed(sql: postgres.Sql, key: string): Promise<boolean> {
  const [row] = await sql`select status from trading.jobs where key = ${key}`;
  return row!.status === "queued";
}

Deno.test("one run of the schedule sweeps again and again in one session, each sweep with a commit of its own", async () => {
  await using database = await cloneDatabase("sweeper");
  const sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} });
  const cron = postgres(database.url, { max: 1, prepare: false, onnotice: () => {} });
  try {
    await loseWorker(sql, "before");
    const run = cron.unsafe("call trading.keep_sweeping('1 minute', '100 milliseconds')").simple().execute();
    await eventually("the first sweep is committed", () => isFreed(sql, "before"));
    await loseWorker(sql, "meanwhile");
    await eventually("a later sweep is committed", () => isFreed(sql, "meanwhile"));

    await sql`update cron.job set active = false where jobname = 'fillbase-sweep'`;
    await run;
    await loseWorker(sql, "after");
    await cron.unsafe("call trading.keep_sweeping('1 minute', '100 milliseconds')").simple();
    assert.equal(await isFreed(sql, "after"), false, "what is off the schedule sweeps no more");
  } finally {
    await Promise.all([sql.end({ timeout: 1 }), cron.end({ timeout: 1 })]);
  }
});

Deno.test("the schedule's sweep ends by itself, and is called by itself so that it may commit", async () => {
  await using database = await cloneDatabase("sweeper");
  const sql = postgres(database.url, { max: 1, prepare: false, onnotice: () => {} });
  try {
    const [job] = await sql`select command from cron.job where jobname = 'fillbase-sweep'`;
    assert.equal(job!.command, "call trading.keep_sweeping()");
    const began = performance.now();
    await sql.unsafe("call trading.keep_sweeping('300 milliseconds', '100 milliseconds')").simple();
    assert.ok(performance.now() - began < PATIENCE_MS);
    const [limits] = await sql`
      select setting::int / 1000.0 > extract(epoch from interval '90 seconds') as is_in_time
      from pg_settings where name = 'statement_timeout'`;
    assert.equal(limits!.is_in_time, true, "a run ends before the hosted limit of a statement");
  } finally {
    await sql.end({ timeout: 1 });
  }
});
