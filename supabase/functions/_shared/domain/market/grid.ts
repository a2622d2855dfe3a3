import type { Instrument } from "./types.ts";
import { decimalsOf, floorToUnits, fromUnits, toUnits } from "./units.ts";

/** Decimals used where an instrument's tick or step rule is off ("0"): Binance knows no finer amounts on Spot. */
const UNRULED_DECIMALS = 8;

/** An instrument's lattice: prices are whole ticks and quantities whole steps, both counted in bigints. */
export interface Grid {
  readonly symbol: string;
  readonly tickSize: string;
  readonly priceDecimals: number;
  /** One tick in units of 10^-priceDecimals. */
  readonly tick: bigint;
  readonly quantityDecimals: number;
  /** One lot step in units of 10^-quantityDecimals. */
  readonly step: bigint;
}

/** The lattice of an instrument; a rule that is off gives the finest lattice. */
export function gridOf(instrument: Pick<Instrument, "symbol" | "tickSize" | "lotStep">): Grid {
  const price = axis(instrument.tickSize);
  const quantity = axis(instrument.lotStep);
  return {
    symbol: instrument.symbol,
    tickSize: instrument.tickSize,
    priceDecimals: price.decimals,
    tick: price.unit,
    quantityDecimals: quantity.decimals,
    step: quantity.unit,
  };
}

function axis(size: string): { decimals: number; unit: bigint } {
  const decimals = decimalsOf(size);
  const unit = toUnits(size, decimals);
  return unit === 0n ? { decimals: UNRULED_DECIMALS, unit: 1n } : { decimals, unit };
}

/** A price as a number of ticks. Throws a RangeError when it lies between two ticks. */
export function priceToTicks(grid: Grid, price: string): bigint {
  const units = floorToUnits(price, grid.priceDecimals);
  if (decimalsOf(price) > grid.priceDecimals || units % grid.tick !== 0n) {
    throw new RangeError(`${price} is not a multiple of the tick size ${grid.tickSize} of ${grid.symbol}`);
  }
  return units / grid.tick;
}

/** The price that many ticks make. */
export function ticksToPrice(grid: Grid, ticks: bigint): string {
  return fromUnits(ticks * grid.tick, grid.priceDecimals);
}

/** The whole steps in a quantity; a remainder is dropped. */
export function quantityToSteps(grid: Grid, quantity: string): bigint {
  return floorToUnits(quantity, grid.quantityDecimals) / grid.step;
}

/** The quantity that many steps make. */
export function stepsToQuantity(grid: Grid, steps: bigint): string {
  return fromUnits(steps * grid.step, grid.quantityDecimals);
}
