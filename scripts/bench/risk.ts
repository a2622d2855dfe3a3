/** What one risk evaluation costs in the database, for a busy user on a busy day. */
import postgres from "postgres";
import { bootstrapDatabase } from "../../local/bootstrap.ts";
import { applyTick } from "../lib/desk.ts";
import { exposureLimit, raceForPlaces } from "./admission.ts";
import { pushMigrations } from "../lib/supabase_cli.ts";
import type { BenchRun } from "./bench_run.ts";
import { listSymbols, range, steadyQuote, SYMBOL_COUNT, symbolOf } from "./desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";
import { fillBusyDay } from "./risk_fill.ts";
import { median } from "./statistics.ts";

const OPEN = 200;
const CLOSED_TODAY = 10_000;
const WARM_UP = 20;
const EVALUATIONS = 300;
const CLOSE_TIMEOUT_S = 2;
const DATABASE = "bench_risk";
const MUST_MS = 5;
const RACE = { entries: 1_000, traders: 20, connections: 20, places: 5 };

/**
 * The median of an evaluation with all its facts, by the database's own clock; and the race of a thousand entries for
 * five places: how far the number admitted was off, and by how much the exposure was ever above its limit.
 */
export async function measureRisk({ stack, log }: BenchRun): Promise<BenchResult[]> {
  log(`  a database with ${OPEN} open positions and ${CLOSED_TODAY} closed today`);
  await stack.sql.unsafe(`create database ${DATABASE}`);
  try {
    await bootstrapDatabase(stack.database.urlFor(DATABASE, "supabase_admin"));
    await pushMigrations(stack.database.urlFor(DATABASE));
    const sql = postgres(stack.database.urlFor(DATABASE), { max: 1, onnotice: () => {} });
    try {
      await listSymbols(sql, SYMBOL_COUNT);
      await applyTick(sql, range(SYMBOL_COUNT).map((n) => steadyQuote(symbolOf(n), 0, Date.now())));
      const signalId = await fillBusyDay(stack.database.urlFor(DATABASE, "supabase_admin"), {
        open: OPEN,
        closedToday: CLOSED_TODAY,
      });
      const times = await evaluate(sql, signalId);
      log(`  ${RACE.entries} entries at once for ${RACE.places} places`);
      const race = await raceForPlaces(stack.database.urlFor(DATABASE), RACE);
      log(
        `  admitted ${race.admitted}, denied ${race.denied}, highest of ${race.samples} exposures ${race.exposureMax}`,
      );
      return [
        measured("risk_evaluation_p50", median(times), "ms", atMost(MUST_MS)),
        measured("admission_race_off_by", Math.abs(race.admitted - RACE.places), "entries", atMost(0)),
        measured(
          "admission_race_excess",
          Math.max(0, race.exposureMax - exposureLimit(RACE.places)),
          "USDT",
          atMost(0),
        ),
      ];
    } finally {
      await sql.end({ timeout: CLOSE_TIMEOUT_S });
    }
  } finally {
    await stack.sql.unsafe(`drop database if exists ${DATABASE} with (force)`);
  }
}

async function evaluate(sql: postgres.Sql, signalId: string): Promise<number[]> {
  const times: number[] = [];
  for (const n of range(WARM_UP + EVALUATIONS)) {
    // The start is read in the statement that evaluates, so that the way to the database and back is not in it.
    const [row] = await sql<{ ms: number; passed: boolean }[]>`
      select (a.result ->> 'passed')::boolean as passed, extract(epoch from clock_timestamp() - statement_timestamp())::float8 * 1000 as ms
      from public.signals s join public.traders t on t.id = s.trader_id
      cross join lateral (select trading.assess_entry(s, t, now()) as result offset 0) a
      where s.id = ${signalId} and a.result is not null`;
    if (!row?.passed) throw new Error("the entry that is measured should pass every rule");
    if (n >= WARM_UP) times.push(row.ms);
  }
  return times;
}
