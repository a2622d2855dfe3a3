/** Decisions over a market, from the first to the last position closed. */
import { openMarket } from "../../local/market/feed.ts";
import type { MarketOption } from "../../local/market/option.ts";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import {
  asService,
  decide,
  hireTrader,
  hireUser,
  listInstruments,
  type TraderSettings,
} from "../lib/desk.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { Lockstep } from "./lockstep.ts";
import { decisionAt, type ScannedTrader, seededId } from "./scanner.ts";

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
/** An exit may need several looks at the book; after this many the market is taken for dead. */
const FLATTEN_ROUNDS = 200;
const FLATTEN_STEP_MS = 30_000;
const USERS = 2;
const TRADERS_PER_USER = 2;

/** Runs the scenario on a fresh stack and returns the market's description. */
export async function runMain(stack: ThrowawayStack, run: MainRun): Promise<string> {
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
  await listInstruments(stack.sql, market.instruments);
  const traders = await hireDesk(stack, run);
  const clock = new Lockstep(stack, run.workers);
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
  await flatten(stack, clock, quotes);
  return market.described;
}

async function hireDesk(stack: ThrowawayStack, run: MainRun): Promise<ScannedTrader[]> {
  const traders: ScannedTrader[] = [];
  for (let u = 0; u < USERS; u++) {
    const user = await hireUser(stack.sql, `demo-${u}@example.com`);
    for (let t = 0; t < TRADERS_PER_USER; t++) {
      const usesLimits = t === 1;
      const id = seededId(run.seed, "trader", u, t);
      const settings: TraderSettings = usesLimits
        ? { entry_order_type: "limit", entry_timeout_seconds: 900, paper_trade_balance: 100_000 }
        : { sizing_method: "risk_percent", sizing_value: 0.2, paper_trade_balance: 100_000 };
      const limits = { max_position_quote: 500, max_exposure_quote: 50_000, max_open_positions: 100 };
      await hireTrader(stack.sql, {
        id,
        userId: user.id,
        name: `${usesLimits ? "Patient" : "Quick"} ${u}`,
        settings,
        limits,
      });
      traders.push({ id, usesLimits });
    }
  }
  return traders;
}

/** Cancels what rests and closes what is open, looking at the book again until nothing is left. */
async function flatten(
  stack: ThrowawayStack,
  clock: Lockstep,
  quotes: ReadonlyMap<string, Quote>,
): Promise<void> {
  const { sql } = stack;
  for (let round = 0; round < FLATTEN_ROUNDS; round++) {
    const open =
      await sql`select id from public.positions where status not in ('closed', 'failed') order by id`;
    if (open.length === 0) return;
    if (round === 0) {
      await asService(sql, async (tx) => {
        for (const { id } of open) {
          await tx`select public.cancel_entry(${id})`;
          await tx`select public.close_position(${id}, p_request_id => ${id})`;
        }
      });
      await clock.settle();
    }
    const at = clock.now + FLATTEN_STEP_MS;
    const still = [...quotes.values()].map((quote) => ({
      ...quote,
      high: quote.last,
      low: quote.last,
      observedAt: at,
    }));
    await clock.tick({ at, quotes: still });
  }
  throw new Error(`positions were still open after ${FLATTEN_ROUNDS} looks at the book`);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
