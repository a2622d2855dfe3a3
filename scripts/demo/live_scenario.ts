/**
 * The main scenario on the Binance venue: the simulator is the exchange, the same market moves it tick by tick, and the
 * engine gets the same quotes. Time is the wall clock, for the exchange and for the engine.
 */
import { Decimal } from "decimal.js";
import type { Sql } from "postgres";
import { BinanceMarket } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { hireLiveTrader, hireLiveUser, type LiveUser } from "../lib/live_desk.ts";
import { listInstruments, type TraderSettings } from "../lib/desk.ts";
import type { SimulatorProcess } from "../lib/simulator_process.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { closeAll } from "./floor.ts";
import { isExchangeRight, type LiveFacts, readLiveFacts } from "./live_facts.ts";
import { type MarketClock, WorkerBell } from "./lockstep.ts";
import { type MainRun, playMain, recordMarket } from "./main_scenario.ts";
import { type ScannedTrader, seededId } from "./scanner.ts";

/** Looks at the market: the ticks of paper are gathered into so many, because each of them takes real time. */
export const LIVE_TICKS = 400;
/** Fewer decisions need fewer looks, but not fewer than this. */
const LEAST_TICKS = 40;
const TICKS_PER_SIGNAL = 4;
const USERS = 4;
const BALANCE = "100000";
/** Market time runs about sixty times faster than the wall here, so a limit waits for a sixtieth of the fifteen minutes. */
const ENTRY_TIMEOUT_SECONDS = 15;
/** The caps of the rollout's last stage. Binance lets five stops of a symbol rest on one account, and one slot stays free. */
const LIMITS = {
  max_position_quote: 100,
  max_exposure_quote: 5_000,
  max_open_positions: 100,
  max_open_positions_per_symbol: 2,
};
/** An entry that nobody knows the fate of takes over a minute to be proven never placed. */
const WIND_DOWN_TIMEOUT_MS = 240_000;
const WIND_DOWN_STEP_MS = 250;

/** A run of the scenario. */
export interface LiveRun extends MainRun {
  readonly simulator: SimulatorProcess;
  /** Share of the exchange's requests that meet a fault, from the first decision to the last close. */
  readonly faults: number;
}

/** Runs the scenario on a fresh stack whose functions know the simulator's address. */
export async function runLive(
  stack: ThrowawayStack,
  run: LiveRun,
): Promise<{ market: string; facts: LiveFacts; isShown: boolean }> {
  const { simulator } = run;
  const market = await recordMarket(run);
  const symbols = market.instruments.map(({ symbol }) => symbol);
  const source = new BinanceMarket({ now: Date.now, hosts: [{ source: "binance", url: simulator.url }] });
  await listInstruments(stack.sql, await source.instruments(symbols));
  const clock = new LiveClock(stack, simulator, run.workers);
  const { users, traders } = await hireDesk(stack, run);
  await clock.settle();
  await simulator.setFaults(run.faults);
  await playMain(stack, run, gather(market.ticks, ticksFor(run.signals)), {
    clock,
    traders,
    flatten: (quotes) => windDown(stack, clock, quotes),
  });
  await simulator.clearFaults();
  const facts = await readLiveFacts(stack.sql, simulator, users, symbols);
  return { market: market.described, facts, isShown: isExchangeRight(facts) };
}

/** The desk of the paper demo with exchange accounts: one for each user, shared by the traders of that user. */
async function hireDesk(
  stack: ThrowawayStack,
  { simulator, seed }: LiveRun,
): Promise<{ users: LiveUser[]; traders: ScannedTrader[] }> {
  const users: LiveUser[] = [];
  const traders: ScannedTrader[] = [];
  for (let u = 0; u < USERS; u++) {
    const key = await simulator.openAccount(`demo-${u}`, { USDT: BALANCE });
    const user = await hireLiveUser(stack.sql, `demo-${u}@example.com`, "simulator", key, "general");
    users.push(user);
    for (const usesLimits of [false, true]) {
      const id = seededId(seed, "trader", u, usesLimits ? 1 : 0);
      const settings: TraderSettings = usesLimits
        ? { entry_order_type: "limit", entry_timeout_seconds: ENTRY_TIMEOUT_SECONDS }
        : { sizing_method: "risk_percent", sizing_value: 0.2 };
      const name = `${usesLimits ? "Patient" : "Quick"} ${u}`;
      await hireLiveTrader(stack.sql, { id, userId: user.id, name, settings, limits: LIMITS });
      traders.push({ id, usesLimits });
    }
  }
  return { users, traders };
}

/** The market at wall-clock time: the exchange moves first, then the engine hears of it. */
class LiveClock implements MarketClock {
  #now = 0;
  readonly #worker: WorkerBell;

  constructor(
    private readonly stack: ThrowawayStack,
    private readonly simulator: SimulatorProcess,
    workers: number,
  ) {
    this.#worker = new WorkerBell(stack, workers);
  }

  get now(): number {
    return this.#now;
  }

  async tick({ quotes }: Tick): Promise<void> {
    await Promise.all(quotes.map((quote) => this.simulator.move(quote)));
    this.#now = Date.now();
    const rows = quotes.map((quote) => quoteRow({ ...quote, observedAt: this.#now }));
    await this.stack.sql`select trading.apply_prices(${this.stack.sql.json(rows as never)})`;
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.#worker.untilIdle();
  }
}

/**
 * Goes on with a market that stands until every position is closed, every order over and every job done. Nothing in it
 * comes to a stop or a target any more, so whatever is open is closed as its owner would: by hand, and once. What is
 * opened meanwhile, by a decision that had to wait, is closed as well.
 */
async function windDown(
  stack: ThrowawayStack,
  clock: MarketClock,
  quotes: ReadonlyMap<string, Quote>,
): Promise<void> {
  const { sql } = stack;
  const still = [...quotes.values()].map((quote) => ({ ...quote, high: quote.last, low: quote.last }));
  const asked = new Set<string>();
  const until = performance.now() + WIND_DOWN_TIMEOUT_MS;
  while (performance.now() < until) {
    const open = await sql<{ id: string }[]>`
      select id from public.positions where status not in ('closed', 'failed') order by id`;
    const fresh = open.map(({ id }) => id).filter((id) => !asked.has(id));
    await closeAll(sql, fresh);
    for (const id of fresh) asked.add(id);
    await clock.tick({ at: clock.now, quotes: still });
    if ((await unfinished(sql)).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, WIND_DOWN_STEP_MS));
  }
  throw new Error(
    `still open ${WIND_DOWN_TIMEOUT_MS / 1_000} s after the last decision: ${
      (await unfinished(sql)).join("; ")
    }`,
  );
}

/** Positions, orders and jobs that have not come to their end, in words. */
async function unfinished(sql: Sql): Promise<string[]> {
  const rows = await sql<{ words: string }[]>`
    select concat_ws(' ', 'position', symbol, status, id) as words from public.positions where status not in ('closed', 'failed')
    union all
    select concat_ws(' ', 'order', symbol, role, state, id) from public.orders where finished_at is null
    union all
    select concat_ws(' ', 'job', kind, status, id, last_error::text) from trading.jobs where status in ('queued', 'running')`;
  return rows.map(({ words }) => words);
}

function ticksFor(signals: number): number {
  return Math.min(LIVE_TICKS, Math.max(LEAST_TICKS, signals * TICKS_PER_SIGNAL));
}

/** The same path in fewer steps: of each step the last quote of every symbol, with the extremes of all in between. */
export function gather(ticks: readonly Tick[], steps: number): Tick[] {
  const size = Math.max(1, Math.ceil(ticks.length / steps));
  const gathered: Tick[] = [];
  for (let from = 0; from < ticks.length; from += size) {
    const some = ticks.slice(from, from + size);
    const at = some.at(-1)!.at;
    const bySymbol = Map.groupBy(some.flatMap(({ quotes }) => quotes), ({ symbol }) => symbol);
    const quotes = [...bySymbol.values()].map((all) => ({
      ...all.at(-1)!,
      high: Decimal.max(...all.map(({ high }) => high)).toFixed(),
      low: Decimal.min(...all.map(({ low }) => low)).toFixed(),
      observedAt: at,
    }));
    gathered.push({ at, quotes });
  }
  return gathered;
}
