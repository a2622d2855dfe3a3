/** What several commands understand as a number on their command line. */
import { InvalidArgumentError } from "commander";

/** An argument parser for whole numbers from `least` to `most`; anything else is refused in words. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const n = /^\d+$/.test(value) ? parseInt(value, 10) : NaN;
    if (!(n >= least && n <= most)) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return n;
  };
}
