/** The AI's part in the demo: seeded decisions with levels around the market, as a scanner would write them. */
import { Decimal } from "decimal.js";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { Decision } from "../lib/desk.ts";

/** A trader of the demo, as far as the scanner cares. */
export interface ScannedTrader {
  readonly id: string;
  /** Limit traders name an entry a little below the market. */
  readonly usesLimits: boolean;
}

const STOP_PPM = { least: 3_000, span: 25_000 };
const TARGET_PPM = { least: 4_000, span: 40_000 };
const LIMIT_PPM = { least: 200, span: 1_500 };

/** A reproducible uuid. */
export function seededId(...parts: readonly (string | number)[]): string {
  const random = randomFor(...parts);
  const hex = [0, 1, 2, 3].map(() => random.next().toString(16).padStart(8, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The n-th decision of a seed: which trader, which symbol, which levels. Pure. */
export function decisionAt(
  seed: number,
  n: number,
  traders: readonly ScannedTrader[],
  quotes: readonly Quote[],
): Decision {
  const random = randomFor(seed, "decision", n);
  const trader = traders[random.below(traders.length)]!;
  const quote = quotes[random.below(quotes.length)]!;
  const market = new Decimal(quote.ask);
  const entry = trader.usesLimits ? away(market, -(LIMIT_PPM.least + random.below(LIMIT_PPM.span))) : market;
  const stop = away(entry, -(STOP_PPM.least + random.below(STOP_PPM.span)));
  const first = TARGET_PPM.least + random.below(TARGET_PPM.span);
  const targets = random.below(2) === 0 ? [first] : [first, first * 2];
  return {
    signalId: seededId(seed, "signal", n),
    analysisId: seededId(seed, "analysis", n),
    traderId: trader.id,
    symbol: quote.symbol,
    confidence: 50 + random.below(50),
    levels: {
      entry: entry.toFixed(),
      stopLoss: stop.toFixed(),
      takeProfit: targets.map((ppm) => away(entry, ppm).toFixed()),
    },
  };
}

function away(price: Decimal, ppm: number): Decimal {
  return price.mul(1_000_000 + ppm).div(1_000_000).toDecimalPlaces(8);
}
