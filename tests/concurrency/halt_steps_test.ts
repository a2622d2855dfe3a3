import assert from "node:assert/strict";
import type { TransactionSql } from "postgres";
import { eventually } from "../../local/testing.ts";
import { assertNoPermitUnderHalt } from "./permit_replay.ts";
import { type ClaimedJob, withYard, type Yard } from "./yard.ts";

/** Where an entry is when the halt comes: what another session holds so that the entry waits there. */
interface Barrier {
  readonly step: string;
  readonly hold: (tx: TransactionSql, entry: Entry) => Promise<unknown>;
  /** Whether the entry has its permit by then: the halt then waits for its commit. */
  readonly isPermitted: boolean;
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
    isPermitted: false,
  },
  {
    step: "the account's row",
    hold: (tx, { accountId }) => tx`select 1 from trading.accounts where id = ${accountId} for no key update`,
    isPermitted: false,
  },
  {
    step: "the signal's row",
    hold: (tx, { signalId }) => tx`select 1 from public.signals where id = ${signalId} for no key update`,
    isPermitted: false,
  },
  {
    step: "the balance after its fill",
    hold: (tx, { accountId }) =>
      tx`select 1 from public.paper_balances where account_id = ${accountId} for update`,
    isPermitted: true,
  },
  {
    step: "the message of its commit",
    hold: (tx, { portfolioId }) => tx`select 1 from trading.portfolios where id = ${portfolioId} for update`,
    isPermitted: true,
  },
];

/** Shorter than the entry's own patience with a lock, which is a second. */
const LOOK_MS = 100;

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

for (const { step, hold, isPermitted } of BARRIERS) {
  for (const mode of ["halt", "halt_and_flatten"] as const) {
    const outcome = isPermitted ? (mode === "halt" ? "is kept" : "is closed") : "is denied";
    Deno.test(`an entry that waits for ${step} when a ${mode} comes ${outcome}`, async () => {
      await withYard("halt_step", async (yard) => {
        const { entry, job } = await claimedEntry(yard);
        let isHalted = false;
        let halting: Promise<unknown> = Promise.resolve();
        let executing: Promise<{ outcome: string }> | undefined;
        await yard.sql.begin(async (tx) => {
          await hold(tx, entry);
          executing = yard.execute(job);
          executing.catch(() => {});
          await waiting(yard, "execute_job");
          halting = stop(yard, mode).then(() => isHalted = true);
          if (isPermitted) {
            await waiting(yard, "stop_trading");
            await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
            assert.equal(isHalted, false, "a halt waits for the permit that came before it");
          } else await halting;
        });
        const done = await executing!;
        await halting;
        assert.equal(done.outcome, isPermitted ? "filled" : "denied");
        await yard.crew(2);
        const [position] = await yard.sql`
          select status from public.positions where signal_id = ${entry.signalId} and status <> 'failed'`;
        assert.equal(
          position?.["status"],
          isPermitted ? (mode === "halt" ? "open" : "closed") : undefined,
        );
        const [signal] = await yard.sql`
          select rejection_code from public.signals where id = ${entry.signalId}`;
        assert.equal(signal!["rejection_code"], isPermitted ? null : "trading_not_active");
        await assertNoPermitUnderHalt(yard.sql);
        await yard.assertBooks();
      });
    });
  }
}

Deno.test("an entry that waits at the gate of the halt itself is denied by the last gate", async () => {
  await withYard("halt_gate", async (yard) => {
    const { entry, job } = await claimedEntry(yard);
    let executing: Promise<{ outcome: string }> | undefined;
    await yard.sql.begin(async (tx) => {
      // The entry has read "active" and passed every rule; now it waits for this transaction.
      await tx`select trading.close_gate('user', ${entry.userId})`;
      executing = yard.execute(job);
      executing.catch(() => {});
      await waiting(yard, "execute_job");
      await tx`select trading.set_trading_state('user', ${entry.userId}, 'halted', false, 'a test', 'test', clock_timestamp())`;
    });
    assert.equal((await executing!).outcome, "denied");
    const [order] = await yard.sql`
      select state, permitted_at from public.orders where signal_id = ${entry.signalId}`;
    assert.deepEqual({ ...order }, { state: "denied", permitted_at: null });
    await assertNoPermitUnderHalt(yard.sql);
    await yard.crew(1);
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
