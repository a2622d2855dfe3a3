/**
 * Stands in for the AI: looks at the prices every few seconds and writes what it thinks, as a backend with a secret key
 * does. Everything after that is the engine's work. It only pretends to be clever.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Random } from "../../supabase/functions/_shared/domain/market/prng.ts";
import type { DemoTrader } from "./demo_desk.ts";
import type { PriceBoard, SymbolView } from "./price_board.ts";

/** What an AI answers, in the shape of a row of `signal_analyses`. */
export interface Opinion {
  readonly decision: "enter_trade" | "wait" | "bad_setup";
  /** 0 to 100. */
  readonly confidence: number;
  readonly key_levels: { readonly entry: string; readonly stopLoss: string; readonly takeProfit: string[] };
  readonly reasoning: string;
}

/** How often it writes (ms). */
export const SCAN_EVERY_MS = 2_500;

/** Levels are set for what a price usually does in this many samples. */
const HORIZON_SAMPLES = 25;
/** Nearer than this, costs decide the result (fraction of the price); farther, nothing would ever happen. */
const STOP_DISTANCE = { least: 0.002, most: 0.03 };
/** A trend is one when it is so many times what chance would do. */
const TREND_IS = 0.6;

/** Writes one signal and its analysis, about a symbol and for a trader chosen by chance; false: nothing to look at yet. */
export async function scan(
  client: SupabaseClient,
  traders: readonly DemoTrader[],
  board: PriceBoard,
  random: Random,
): Promise<boolean> {
  const view = pickSymbol(board, random);
  if (view === null) return false;
  const trader = traders[random.below(traders.length)]!;
  const opinion = judge(view, trader.entersAt, random);
  const { symbol, last } = view.quote;
  const signal = { id: crypto.randomUUID(), trader_id: trader.id, symbol, price_at_signal: last };
  const raised = await client.from("signals").insert(signal);
  if (raised.error) throw new Error(raised.error.message);
  const { error } = await client.from("signal_analyses")
    .insert({ signal_id: signal.id, trader_id: trader.id, ...opinion });
  if (error) throw new Error(error.message);
  return true;
}

/** Every other time the symbol with the strongest trend, else any. */
function pickSymbol(board: PriceBoard, random: Random): SymbolView | null {
  const views = board.symbols.flatMap((symbol) => board.view(symbol) ?? []);
  if (views.length === 0) return null;
  if (random.below(2) === 0) return views[random.below(views.length)]!;
  return views.reduce((best, view) => strengthOf(view) > strengthOf(best) ? view : best);
}

/** An opinion about a symbol: with the trend it enters, without one it waits, against it it warns. */
export function judge(view: SymbolView, entersAt: "market" | "limit", random: Random): Opinion {
  const strength = strengthOf(view);
  const confidence = Math.round(Math.min(95, Math.max(20, 62 + 12 * strength + random.below(21) - 10)));
  // Now and then it is overconfident: the limits are there for such days.
  const isEager = random.below(3) === 0;
  const decision = strength > TREND_IS || isEager
    ? "enter_trade"
    : strength < -TREND_IS
    ? "bad_setup"
    : "wait";
  const reasoning = `${view.quote.symbol} moved ${(view.trend * 100).toFixed(2)} % in the last minute, ` +
    `${Math.abs(strength).toFixed(1)} times what chance would do.`;
  return { decision, confidence, key_levels: levelsOf(view, entersAt), reasoning };
}

/** The trend in units of what chance alone would do. */
function strengthOf(view: SymbolView): number {
  const chance = chanceOf(view);
  return chance > 0 ? view.trend / chance : 0;
}

/** How far chance moves the price over the horizon, as a fraction of it. */
function chanceOf(view: SymbolView): number {
  return view.volatility * Math.sqrt(HORIZON_SAMPLES);
}

function levelsOf(view: SymbolView, entersAt: "market" | "limit"): Opinion["key_levels"] {
  const distance = Math.min(STOP_DISTANCE.most, Math.max(STOP_DISTANCE.least, chanceOf(view)));
  const bid = parseFloat(view.quote.bid);
  const reference = entersAt === "market" ? parseFloat(view.quote.ask) : bid * (1 - distance / 5);
  const floor = Math.min(reference, bid);
  const decimals = view.quote.ask.split(".")[1]?.length ?? 0;
  // Two digits more than the quote shows, as an AI writes them; the engine rounds to the exchange's grid.
  const level = (price: number) => price.toFixed(decimals + 2);
  return {
    entry: level(reference),
    stopLoss: level(floor * (1 - distance)),
    takeProfit: [level(reference * (1 + 1.2 * distance)), level(reference * (1 + 2.2 * distance))],
  };
}
