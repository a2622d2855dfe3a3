import { randomFor } from "./prng.ts";

/** The moods of the synthetic market. */
export const REGIME_KINDS = ["trend", "range", "volatile", "wide", "tight", "gap"] as const;
export type RegimeKind = (typeof REGIME_KINDS)[number];

/** How long a regime lasts, in steps. Symbols change at different steps, see `regimeAt`. */
export const REGIME_STEPS = 120;

/** One regime of one symbol. All rates are parts per million of the price, per step where they are moves. */
export interface Regime {
  readonly kind: RegimeKind;
  /** Steady move, signed. */
  readonly driftPpm: number;
  /** Standard deviation of the random move. */
  readonly sigmaPpm: number;
  /** Pull back to the price at the regime's start: percent of the distance. */
  readonly pullPercent: number;
  /** A jump at the regime's first step through prices at which nobody traded, signed; 0: none. */
  readonly jumpPpm: number;
  readonly halfSpreadPpm: number;
  /** Traded volume in percent of the symbol's usual. */
  readonly volumePercent: number;
}

type Temper = Omit<Regime, "kind" | "driftPpm" | "jumpPpm">;

const TEMPERS: Readonly<Record<RegimeKind, Temper>> = {
  trend: { sigmaPpm: 80, pullPercent: 0, halfSpreadPpm: 25, volumePercent: 120 },
  range: { sigmaPpm: 80, pullPercent: 5, halfSpreadPpm: 25, volumePercent: 80 },
  volatile: { sigmaPpm: 600, pullPercent: 0, halfSpreadPpm: 100, volumePercent: 300 },
  wide: { sigmaPpm: 100, pullPercent: 1, halfSpreadPpm: 1_000, volumePercent: 20 },
  tight: { sigmaPpm: 30, pullPercent: 1, halfSpreadPpm: 0, volumePercent: 200 },
  gap: { sigmaPpm: 120, pullPercent: 0, halfSpreadPpm: 50, volumePercent: 150 },
};

const TREND_DRIFT_PPM = { least: 20, span: 61 };
const JUMP_PPM = { least: 5_000, span: 25_001 };

/** A symbol's regime at a step, and whether the step is the regime's first. A pure function of its arguments. */
export function regimeAt(seed: number, symbol: string, step: number): { regime: Regime; isFirst: boolean } {
  const shifted = step + randomFor(seed, symbol, "phase").below(REGIME_STEPS);
  const index = Math.floor(shifted / REGIME_STEPS);
  const isFirst = step > 0 && shifted % REGIME_STEPS === 0;
  return { regime: drawRegime(seed, symbol, index), isFirst };
}

function drawRegime(seed: number, symbol: string, index: number): Regime {
  const random = randomFor(seed, symbol, "regime", index);
  const kind = REGIME_KINDS[random.below(REGIME_KINDS.length)]!;
  const sign = random.below(2) === 0 ? -1 : 1;
  return {
    kind,
    ...TEMPERS[kind],
    driftPpm: kind === "trend" ? sign * (TREND_DRIFT_PPM.least + random.below(TREND_DRIFT_PPM.span)) : 0,
    jumpPpm: kind === "gap" ? sign * (JUMP_PPM.least + random.below(JUMP_PPM.span)) : 0,
  };
}
