/** Decisions over a market, from the first to the last position closed. */
import { openMarket } from "../../local/market/feed.ts";
import type { MarketOption } from "../../local/market/option.ts";
import type { Instrument, Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { decide, listInstruments } from "../lib/desk.ts";
import { flatten, hireDesk } from "./floor.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { Lockstep, type MarketClock } from "./lockstep.ts";
import { decisionAt, type ScannedTrader } from "./scanner.ts";

/** A run of the main scenario. */
export interface MainRun {
  readonly signals: number;
  readonly seed: number;
  readonly market: MarketOption;
  readonly workers: number;
  readonly progress: (done: number, total: number, opened: number) => void;
  readonly log: (line: string) => void;
}

/** Ticks of a market that has no end of its own. */
const ENDLESS_TICKS = 4_000;
/** Decisions stop here, so that positions have time to reach stop or target by themselves. */
const DECIDE_UNTIL = 0.9;

/** Where the scenario plays: who trades, what moves the market, and how everything is closed at the end. */
export interface MainFloor {
  readonly clock: MarketClock;
  readonly traders: readonly ScannedTrader[];
  flatten(quotes: ReadonlyMap<string, Quote>): Promise<void>;
}

/** Runs the scenario on a fresh stack, on paper, and returns the market's description. */
export async function runMain(stack: ThrowawayStack, run: MainRun): Promise<string> {
  const market = await recordMarket(run);
  await listInstruments(stack.sql, market.instruments);
  const clock = new Lockstep(stack, run.workers);
  await playMain(stack, run, market.ticks, {
    clock,
    traders: await hireDesk(stack, run.seed),
    flatten: (quotes) => flatten(stack, clock, quotes),
  });
  return market.described;
}

/** All the ticks of the run's market. */
export async function recordMarket(
  run: MainRun,
): Promise<{ described: string; instruments: readonly Instrument[]; ticks: readonly Tick[] }> {
  const market = await openMarket(run.market, {
    speed: Infinity,
    now: Date.now,
    log: run.log,
    replay: { ticksPerCandle: 1, seed: run.seed },
  });
  const ticks: Tick[] = [];
  for await (const tick of market.stream) {
    ticks.push(tick);
    if (run.market.kind !== "replay" && ticks.length >= ENDLESS_TICKS) break;
  }
  market.stop();
  if (ticks.length === 0) throw new Error(`${market.described}: no prices`);
  return { described: market.described, instruments: market.instruments, ticks };
}

/** Spreads the run's decisions over the ticks, and closes everything after the last. */
export async function playMain(
  stack: ThrowawayStack,
  run: MainRun,
  ticks: readonly Tick[],
  { clock, traders, flatten }: MainFloor,
): Promise<void> {
  const quotes = new Map<string, Quote>();
  let decided = 0;
  for (const [index, tick] of ticks.entries()) {
    await clock.tick(tick);
    for (const quote of tick.quotes) quotes.set(quote.symbol, quote);
    const due = Math.min(run.signals, Math.ceil((index + 1) / (ticks.length * DECIDE_UNTIL) * run.signals));
    if (due > decided) {
      const fresh = [...quotes.values()].filter((quote) => quote.observedAt === tick.at);
      await decide(stack.sql, range(decided, due).map((n) => decisionAt(run.seed, n, traders, fresh)));
      decided = due;
      await clock.settle();
    }
    if (index % 100 === 0) run.progress(index, ticks.length, decided);
  }
  await flatten(quotes);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
