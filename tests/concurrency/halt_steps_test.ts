import assert from "node:assert/strict";
import type { TransactionSql } from "postgres";
import { eventually } from "../../local/testing.ts";
import { assertNoPermitUnderHalt } from "./permit_replay.ts";
import { type ClaimedJob, type Refusal, withYard, type Yard } from "./yard.ts";

/** Where an entry is when the halt comes: what another session holds so that the entry waits there. */
interface Barrier {
  readonly step: string;
  readonly hold: (tx: TransactionSql, entry: Entry) => Promise<unknown>;
}

interface Entry {
  readonly userId: string;
  readonly accountId: string;
  readonly portfolioId: string;
  readonly signalId: string;
}

const BARRIERS: readonly Barrier[] = [
  {
    step: "the portfolio's lock",
    hold: (tx, { portfolioId }) => tx`select trading.lock_portfolio(${portfolioId})`,
  },
  {
    step: "the account's row",
    hold: (tx, { accountId }) => tx`select 1 from trading.accounts where id = ${accountId} for no key update`,
  },
  {
    step: "the signal's row",
    hold: (tx, { signalId }) => tx`select 1 from public.signals where id = ${signalId} for no key update`,
  },
  {
    step: "the cash of its fill",
    hold: (tx, { accountId }) =>
      tx`select 1 from trading.balances where account_id = ${accountId} and bucket = 'cash' for update`,
  },
  {
    step: "the balance after its fill",
    hold: (tx, { accountId }) =>
      tx`select 1 from public.paper_balances where account_id = ${accountId} for update`,
  },
  {
    step: "the message of its commit",
    hold: (tx, { portfolioId }) => tx`select 1 from trading.portfolios where id = ${portfolioId} for update`,
  },
];

/** Shorter than the entry's own patience with a lock, which is a second. */
const LOOK_MS = 100;
const HELD_COMMIT = 4_711;

/** An entry that a worker has claimed; its account exists and holds a position already. */
async function claimedEntry(yard: Yard): Promise<{ entry: Entry; job: ClaimedJob }> {
  const { id: userId } = await yard.user();
  const traderId = await yard.trader(userId);
  const [first, signalId] = await yard.signals(traderId, 2);
  await yard.decide(traderId, first!);
  await yard.work("worker");
  await yard.decide(traderId, signalId!);
  const [job] = await yard.claim("worker", 1);
  const [row] = await yard.sql`select id, portfolio_id from trading.accounts where trader_id = ${traderId}`;
  return {
    entry: { userId, accountId: row!["id"], portfolioId: row!["portfolio_id"], signalId: signalId! },
    job: job!,
  };
}

/** Waits until some session waits for a lock inside `execute_job`. */
async function waiting(yard: Yard, query: string): Promise<void> {
  await eventually(`a session that waits in ${query}`, async () => {
    const [row] = await yard.sql`
      select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like ${
      "%" + query + "%"
    } and datname = current_database()`;
    return row ?? null;
  });
}

const stop = (yard: Yard, mode: string) =>
  yard.sql`select public.stop_trading('everyone', null, ${mode}, 'a test') ->> 'stop_id' as id`;

/** What a worker does with the job: an entry that a halt overtook goes back to the queue and is denied from there. */
async function carryOn(yard: Yard, job: ClaimedJob): Promise<string> {
  try {
    return (await yard.execute(job)).outcome;
  } catch (error) {
    const refusal = error as Refusal;
    assert.equal(refusal.code, "FB423");
    await yard.fail(job, refusal);
    return refusal.code;
  }
}

async function assertNoPosition(yard: Yard, { signalId }: Entry): Promise<void> {
  const [signal] = await yard.sql`
    select rejection_code, (select count(*)::int from public.trades t join public.orders o on o.id = t.order_id where o.signal_id = s.id) as fills
    from public.signals s where id = ${signalId}`;
  assert.deepEqual({ ...signal }, { rejection_code: "trading_not_active", fills: 0 });
}

for (const { step, hold } of BARRIERS) {
  Deno.test(`a halt does not wait for an entry that waits for ${step}, and the entry buys nothing`, async () => {
    await withYard("halt_step", async (yard) => {
      const { entry, job } = await claimedEntry(yard);
      let executing: Promise<string> = Promise.resolve("");
      await yard.sql.begin(async (tx) => {
        await hold(tx, entry);
        executing = carryOn(yard, job);
        executing.catch(() => {});
        await waiting(yard, "execute_job");
        await stop(yard, "halt");
      });
      await executing;
      await yard.crew(2);
      await assertNoPosition(yard, entry);
      await assertNoPermitUnderHalt(yard.sql);
      await yard.assertBooks();
    });
  });
}

for (const [mode, status] of [["halt", "open"], ["halt_and_flatten", "closed"]] as const) {
  Deno.test(`a ${mode} waits for an entry in its commit, whose position is then ${status}`, async () => {
    await withYard("halt_commit", async (yard) => {
      const { entry, job } = await claimedEntry(yard);
      // Fires after the gates have been taken, and holds the commit for as long as this test holds the lock.
      await yard.sql.unsafe(`
        create function public.hold_commit() returns trigger language plpgsql as
          $$ begin perform pg_advisory_xact_lock_shared(${HELD_COMMIT}); return null; end $$;
        create constraint trigger orders_950_hold after insert on public.orders deferrable initially deferred
          for each row when (new.role = 'entry' and new.state = 'submitting') execute function public.hold_commit()`);
      let isHalted = false;
      let halting: Promise<unknown> = Promise.resolve();
      let executing: Promise<string> = Promise.resolve("");
      await yard.sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(${HELD_COMMIT})`;
        executing = carryOn(yard, job);
        await waiting(yard, "execute_job");
        halting = stop(yard, mode).then(() => isHalted = true);
        await waiting(yard, "stop_trading");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        assert.equal(isHalted, false);
      });
      assert.equal(await executing, "filled");
      await halting;
      await yard.crew(2);
      const [position] = await yard.sql`
        select status from public.positions where signal_id = ${entry.signalId}`;
      assert.equal(position!["status"], status);
      await assertNoPermitUnderHalt(yard.sql);
      await yard.assertBooks();
    });
  });
}

Deno.test("an entry that waits at the gate of the halt itself is undone by the last gate", async () => {
  await withYard("halt_gate", async (yard) => {
    const { entry, job } = await claimedEntry(yard);
    let executing: Promise<string> = Promise.resolve("");
    await yard.sql.begin(async (tx) => {
      // The entry has passed every rule and filled; now it waits for this transaction.
      await tx`select trading.close_gate('user', ${entry.userId})`;
      executing = carryOn(yard, job);
      executing.catch(() => {});
      await waiting(yard, "execute_job");
      await tx`select trading.set_trading_state('user', ${entry.userId}, 'halted', false, 'a test', 'test', clock_timestamp())`;
    });
    assert.equal(await executing, "FB423");
    const orders = await yard.sql`select state from public.orders where signal_id = ${entry.signalId}`;
    assert.deepEqual([...orders], [], "nothing of it is left");
    await yard.crew(1);
    await assertNoPosition(yard, entry);
    await assertNoPermitUnderHalt(yard.sql);
    await yard.assertBooks();
  });
});

Deno.test("a halt that was resumed while an entry waited at its gate has changed the epoch: the entry is undone, and its decision denied", async () => {
  await withYard("halt_epoch", async (yard) => {
    const { entry, job } = await claimedEntry(yard);
    let executing: Promise<string> = Promise.resolve("");
    await yard.sql.begin(async (tx) => {
      await tx`select trading.close_gate('user', ${entry.userId})`;
      executing = carryOn(yard, job);
      executing.catch(() => {});
      await waiting(yard, "execute_job");
      await tx`select public.stop_trading('user', ${entry.userId}, 'halt', 'a test')`;
      await tx`select public.resume_trading('user', ${entry.userId}, 'a test')`;
    });
    assert.equal(await executing, "FB423");
    await yard.crew(1);
    await assertNoPosition(yard, entry);
    const [signal] = await yard
      .sql`select status, rejection_code from public.signals where id = ${entry.signalId}`;
    assert.deepEqual({ ...signal }, { status: "rejected", rejection_code: "trading_not_active" });
    await yard.assertBooks();
  });
});

Deno.test("a limit that fills while the halt that flattens commits is closed, whichever is first", async () => {
  await withYard("halt_fill", async (yard) => {
    const { id: userId } = await yard.user();
    const traderId = await yard.trader(userId, { entry_order_type: "limit", entry_timeout_seconds: 600 });
    for (let n = 0; n < 10; n++) {
      const [signalId] = await yard.signals(traderId, 1);
      await yard.decide(traderId, signalId!, { entry: 49_900, stopLoss: 48_000 });
      await yard.crew(1);
      await yard.price("BTCUSDT", { bid: "49800", ask: "49801" });
      await Promise.all([yard.work("filler"), stop(yard, "halt_and_flatten")]);
      await yard.crew(2);
      const rows = await yard
        .sql`select status from public.positions where status not in ('closed', 'failed')`;
      assert.deepEqual([...rows], [], `round ${n}`);
      await yard.sql`select public.resume_trading('everyone', p_reason => 'a test')`;
      await yard.price("BTCUSDT", { bid: "50000", ask: "50001" });
    }
    await yard.assertBooks();
  });
});
