/** The smallest durable transaction: what the server's disk and processors allow at all. */
import postgres from "postgres";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";

const ROWS = 100_000;
const CONNECTIONS = 20;
const DURATION_MS = 5_000;
const WARM_UP_MS = 500;
const CLOSE_TIMEOUT_S = 2;
const DATABASE = "bench_transactions";

/**
 * One-row updates a second, each a commit of its own, of random rows of a 100,000-row table as pgbench's `-N` does it,
 * over 20 connections of this process. In a database of its own, so that the stack's publications do not see it.
 */
export async function measureTransactions(stack: ThrowawayStack): Promise<number> {
  await stack.sql.unsafe(`create database ${DATABASE}`);
  const sql = postgres(stack.database.urlFor(DATABASE), { max: CONNECTIONS, onnotice: () => {} });
  try {
    await sql`create table accounts (aid int primary key, bid int, abalance int, filler char(84)) with (fillfactor = 100)`;
    await sql`insert into accounts select n, 1, 0, '' from generate_series(1, ${ROWS}) n`;
    await sql`vacuum analyze accounts`;
    await updateFor(sql, WARM_UP_MS);
    const begin = performance.now();
    const count = await updateFor(sql, DURATION_MS);
    return count * 1_000 / (performance.now() - begin);
  } finally {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
    await stack.sql.unsafe(`drop database if exists ${DATABASE} with (force)`);
  }
}

async function updateFor(sql: postgres.Sql, durationMs: number): Promise<number> {
  const until = performance.now() + durationMs;
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    let count = 0;
    for (; performance.now() < until; count++) {
      const aid = 1 + Math.floor(Math.random() * ROWS);
      const delta = Math.floor(Math.random() * 10_001) - 5_000;
      await sql`update accounts set abalance = abalance + ${delta} where aid = ${aid}`;
    }
    return count;
  }));
  return counts.reduce((sum, count) => sum + count, 0);
}
