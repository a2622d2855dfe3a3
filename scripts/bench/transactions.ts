/** The smallest durable transactions: what the server's disk and processors allow at all. */
import postgres from "postgres";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";

const ROWS = 100_000;
const CONNECTIONS = 20;
const DURATION_MS = 5_000;
const WARM_UP_MS = 500;
const CLOSE_TIMEOUT_S = 2;
const DATABASE = "bench_transactions";

/** Transactions a second, each a commit of its own. */
export interface TransactionRates {
  /** One statement that updates one row. */
  readonly oneRowUpdate: number;
  /** The script of `pgbench -N`: begin, one update, its re-reading, one row of history, end; a round trip each. */
  readonly simpleUpdate: number;
}

/**
 * Both on random rows of a 100,000-row table, over 20 connections of this process. In a database of its own, so that
 * the stack's publications do not see it.
 */
export async function measureTransactions(stack: ThrowawayStack): Promise<TransactionRates> {
  await stack.sql.unsafe(`create database ${DATABASE}`);
  const sql = postgres(stack.database.urlFor(DATABASE), { max: CONNECTIONS, onnotice: () => {} });
  try {
    await sql`create table accounts (aid int primary key, bid int, abalance int, filler char(84)) with (fillfactor = 100)`;
    await sql`create table history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))`;
    await sql`insert into accounts select n, 1, 0, '' from generate_series(1, ${ROWS}) n`;
    await sql`vacuum analyze accounts`;
    return {
      oneRowUpdate: await rateOf(sql, updateOneRow),
      simpleUpdate: await rateOf(sql, updateAsPgbench),
    };
  } finally {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
    await stack.sql.unsafe(`drop database if exists ${DATABASE} with (force)`);
  }
}

type Transaction = (session: postgres.ReservedSql) => Promise<unknown>;

/** Transactions a second, after a warm-up. */
async function rateOf(sql: postgres.Sql, run: Transaction): Promise<number> {
  await repeatFor(sql, run, WARM_UP_MS);
  const begin = performance.now();
  const count = await repeatFor(sql, run, DURATION_MS);
  return count * 1_000 / (performance.now() - begin);
}

async function repeatFor(sql: postgres.Sql, run: Transaction, durationMs: number): Promise<number> {
  const until = performance.now() + durationMs;
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const session = await sql.reserve();
    let count = 0;
    for (; performance.now() < until; count++) await run(session);
    session.release();
    return count;
  }));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function updateOneRow(session: postgres.ReservedSql): Promise<void> {
  const { aid, delta } = draw();
  await session`update accounts set abalance = abalance + ${delta} where aid = ${aid}`;
}

async function updateAsPgbench(session: postgres.ReservedSql): Promise<void> {
  const { aid, delta } = draw();
  await session`begin`;
  await session`update accounts set abalance = abalance + ${delta} where aid = ${aid}`;
  await session`select abalance from accounts where aid = ${aid}`;
  await session`insert into history (tid, bid, aid, delta, mtime) values (1, 1, ${aid}, ${delta}, current_timestamp)`;
  await session`end`;
}

function draw(): { aid: number; delta: number } {
  return { aid: 1 + Math.floor(Math.random() * ROWS), delta: Math.floor(Math.random() * 10_001) - 5_000 };
}
