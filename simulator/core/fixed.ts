/**
 * Exact decimals with the eight places that Binance Spot keeps for every price, quantity and amount:
 * a whole number of hundred-millionths.
 */
export type Fixed = bigint;

export const DECIMALS = 8;
export const ONE: Fixed = 10n ** BigInt(DECIMALS);

const PATTERN = /^\d{1,20}(?:\.(\d{1,20}))?$/;

/** Why a text is no amount: not a plain decimal number, or one with more than eight places. */
export type NotFixed = "malformed" | "too_precise";

/** Reads what a client sent; the caller knows which answer the defect deserves. */
export function readFixed(text: string): Fixed | NotFixed {
  const places = PATTERN.exec(text);
  if (places === null) return "malformed";
  const fraction = places[1] ?? "";
  if (fraction.length > DECIMALS) return "too_precise";
  const whole = text.split(".")[0] ?? "";
  return BigInt(whole + fraction.padEnd(DECIMALS, "0"));
}

/** Reads text that must be an amount: constants, files, our own state. */
export function fixed(text: string): Fixed {
  const value = readFixed(text);
  if (typeof value === "string") throw new RangeError(`"${text}" is no amount of at most 8 places.`);
  return value;
}

/** `1.50000000`, as in Binance's answers. */
export function formatFixed(value: Fixed): string {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(DECIMALS + 1, "0");
  return `${sign}${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`;
}

/** `1.5`: without the zeros at the end. */
export function formatShort(value: Fixed): string {
  return formatFixed(value).replace(/\.?0+$/, "");
}

/** a × b, rounded down. */
export function mul(a: Fixed, b: Fixed): Fixed {
  return (a * b) / ONE;
}

/** a ÷ b, rounded down. */
export function div(a: Fixed, b: Fixed): Fixed {
  return (a * ONE) / b;
}

/** The largest multiple of `step` that is not above `value`; a step of zero means that there is none. */
export function floorToStep(value: Fixed, step: Fixed): Fixed {
  return step === 0n ? value : value - value % step;
}

export function minOf(a: Fixed, b: Fixed): Fixed {
  return a < b ? a : b;
}

export function maxOf(a: Fixed, b: Fixed): Fixed {
  return a > b ? a : b;
}
