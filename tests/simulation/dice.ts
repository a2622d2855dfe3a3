/** What a seed decides, drawn in the order in which it is asked. */
import { nextChance, nextInt, nextUint32, type Random, randomFrom } from "../../simulator/core/random.ts";

/** Dice of one purpose: what one purpose draws does not move another. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number, purpose: string) {
    this.#random = randomFrom(seed, purpose);
    // Neighbouring seeds begin with neighbouring states.
    for (let i = 0; i < 4; i++) nextUint32(this.#random);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + nextInt(this.#random, most - least + 1);
  }

  chance(probability: number): boolean {
    return nextChance(this.#random, probability);
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError("There is nothing to pick from.");
    return from[nextInt(this.#random, from.length)]!;
  }

  /** One of the names, each with its weight. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][];
    let left = nextInt(this.#random, entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
    throw new RangeError("The weights are empty.");
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => nextUint32(this.#random).toString(16).padStart(8, "0")).join(
      "",
    );
    const parts = [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `a${hex.slice(17, 20)}`,
      hex.slice(20),
    ];
    return parts.join("-");
  }
}
