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

/** Looks at a market for some traders, in turn. */
export class Scanner {
  #scans = 0;

  constructor(
    private readonly client: SupabaseClient,
    private readonly traders: readonly DemoTrader[],
    private readonly board: PriceBoard,
    private readonly random: Random,
  ) {}

  /** Writes one signal and its analysis, unless no symbol has been watched long enough. Rejects with the API's words. */
  async scan(): Promise<void> {
    const views = this.board.symbols.flatMap((symbol) => this.board.view(symbol) ?? []);
    if (views.length === 0) return;
    const isFirst = this.#scans === 0;
    const trader = this.traders[this.#scans % this.traders.length]!;
    // The first look is at the best there is, so that there is something to see soon; the others are at anything.
    const view = isFirst
      ? views.reduce((best, one) => strengthOf(one) > strengthOf(best) ? one : best)
      : views[this.random.below(views.length)]!;
    await this.#write(trader.id, view, judge(view, trader.entersAt, isFirst, this.random));
    this.#scans++;
  }

  async #write(traderId: string, { quote }: SymbolView, opinion: Opinion): Promise<void> {
    const id = crypto.randomUUID();
    const signal = { id, trader_id: traderId, symbol: quote.symbol, price_at_signal: quote.last };
    const raised = await this.client.from("signals").insert(signal);
    if (raised.error) throw new Error(raised.error.message);
    const analysis = { signal_id: id, trader_id: traderId, ...opinion };
    const { error } = await this.client.from("signal_analyses").insert(analysis);
    if (error) throw new Error(error.message);
  }
}

/** An opinion about a symbol: with the trend, or where it must, it enters; without one it waits; against it it warns. */
export function judge(
  view: SymbolView,
  entersAt: "market" | "limit",
  mustEnter: boolean,
  random: Random,
): Opinion {
  const strength = strengthOf(view);
  // Often it is overconfident: the limits are there for such days.
  const isEager = mustEnter || random.below(2) === 0;
  const felt = 60 + 12 * strength + (isEager ? 15 : 0) + random.below(21) - 10;
  const confidence = Math.round(Math.min(95, Math.max(20, felt)));
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
