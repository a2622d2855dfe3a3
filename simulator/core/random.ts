/** The state of a generator: plain data, so that it is saved and restored with everything else. */
export interface Random {
  state: number;
}

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UINT32 = 0x1_0000_0000;

/** A generator of its own for each purpose: what one draws does not move the others. */
export function randomFrom(seed: number, purpose: string): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  for (const letter of purpose) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  return { state };
}

/** The next 32 bits, by the mulberry32 recurrence. */
export function nextUint32(random: Random): number {
  random.state = (random.state + 0x6d2b79f5) >>> 0;
  let mixed = random.state;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}

/** A whole number from 0 up to and without `bound`. */
export function nextInt(random: Random, bound: number): number {
  return Math.floor((nextUint32(random) / UINT32) * bound);
}

/** True with a probability from 0 to 1. */
export function nextChance(random: Random, probability: number): boolean {
  return nextUint32(random) < probability * UINT32;
}

/** An id as the exchange makes them where a client sends none. */
export function nextId(random: Random, length: number): string {
  return Array.from({ length }, () => ALPHANUMERIC[nextInt(random, ALPHANUMERIC.length)]).join("");
}
