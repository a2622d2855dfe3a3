/** What a tick costs when nothing triggers, with few and with many open positions. */
import postgres from "postgres";
import { bootstrapDatabase } from "../../local/bootstrap.ts";
import { applyTick } from "../lib/desk.ts";
import { pushMigrations } from "../lib/supabase_cli.ts";
import { type BenchRun, changeSettings } from "./bench_run.ts";
import { listSymbols, range, steadyQuote, symbolOf } from "./desk.ts";
import { fillWithPositions } from "./fill.ts";
import { atMost, type BenchResult, measured } from "./result.ts";
import { median } from "./statistics.ts";

const SYMBOLS = 500;
const FEW = 1_000;
const MANY = 100_000;
const TICKS = 30;
const WARM_UP = 5;
const CLOSE_TIMEOUT_S = 2;

/** Two databases of one server, ticked in turn, so that both meet the same moments of a busy machine. */
export async function measureTicks(run: BenchRun): Promise<BenchResult[]> {
  const few = await openDatabase(run, FEW);
  try {
    const many = await openDatabase(run, MANY);
    try {
      const [fewMs, manyMs] = await tickInTurn([few.sql, many.sql]);
      return [
        measured("tick_500_symbols_1000_positions", median(fewMs), "ms"),
        measured("tick_500_symbols_100000_positions", median(manyMs), "ms"),
        measured("tick_ratio", median(manyMs) / median(fewMs), "times", atMost(1.5)),
      ];
    } finally {
      await many.drop();
    }
  } finally {
    await few.drop();
  }
}

async function tickInTurn(databases: readonly [postgres.Sql, postgres.Sql]): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []];
  for (const n of range(WARM_UP + TICKS)) {
    const quotes = range(SYMBOLS).map((s) => steadyQuote(symbolOf(s), n, Date.now()));
    for (const [index, sql] of databases.entries()) {
      const begin = performance.now();
      const { stops, limits } = await applyTick(sql, quotes);
      if (n >= WARM_UP) times[index]!.push(performance.now() - begin);
      if (stops + limits > 0) throw new Error("a tick that should trigger nothing triggered something");
    }
  }
  return times;
}

async function openDatabase({ stack, log }: BenchRun, positions: number) {
  const name = `bench_ticks_${positions}`;
  log(`  a database with ${positions} open positions`);
  await stack.sql.unsafe(`create database ${name}`);
  await bootstrapDatabase(stack.database.urlFor(name, "supabase_admin"));
  await pushMigrations(stack.database.urlFor(name));
  const sql = postgres(stack.database.urlFor(name), { max: 1, onnotice: () => {} });
  await listSymbols(sql, SYMBOLS);
  // Every tick carries its broadcast, as at one tick a second; else some would and some would not.
  await changeSettings(sql, { price_broadcast_ms: 0 });
  await fillWithPositions(stack.database.urlFor(name, "supabase_admin"), positions, SYMBOLS);
  return {
    sql,
    async drop() {
      await sql.end({ timeout: CLOSE_TIMEOUT_S });
      await stack.sql.unsafe(`drop database if exists ${name} with (force)`);
    },
  };
}
