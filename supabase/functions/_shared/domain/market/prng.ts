/**
 * Seeded pseudo-random numbers: xoshiro128** (Blackman and Vigna, 2018) on 32-bit words, its state filled by
 * splitmix32 from a hash of the seed's parts. The sequence is the same on every platform and version, because only
 * 32-bit integer operations are used; it is not fit for secrets.
 *
 * A generator is made per thing that happens (`randomFor(seed, symbol, time)`) rather than drawn on by everything
 * in turn: then no event's numbers depend on how many other events came before it.
 */
export interface Random {
  /** An unsigned 32-bit integer, uniform. */
  next(): number;
  /** An integer from 0 to bound - 1, uniform up to a bias below bound / 2^32. `bound` is 1 to 2^20. */
  below(bound: number): number;
  /** A bell-shaped integer: mean 0, standard deviation 1000, never beyond ±6000 (sum of twelve uniforms). */
  bell(): number;
}

const TWO_32 = 4_294_967_296;
const MAX_BOUND = 1_048_576;

/** A generator that is wholly determined by its parts. Parts are told apart: ("a","bc") is not ("ab","c"). */
export function randomFor(...parts: readonly (string | number)[]): Random {
  const mix = splitmix32(hash32(parts.join("\u0000")));
  let a = mix(), b = mix(), c = mix(), d = mix();

  function next(): number {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  }

  function below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > MAX_BOUND) {
      throw new RangeError(`random bound must be an integer from 1 to ${MAX_BOUND}: ${bound}`);
    }
    return Math.floor((next() * bound) / TWO_32);
  }

  function bell(): number {
    let sum = -6000;
    for (let i = 0; i < 12; i++) sum += below(1001);
    return sum;
  }

  return { next, below, bell };
}

/** FNV-1a over the UTF-16 code units: short, well spread for short keys. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
