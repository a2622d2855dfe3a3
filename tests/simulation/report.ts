/** The figures of many seeds. */
import type { SeedResult } from "./run_seed.ts";

export interface Report {
  readonly seeds: number;
  readonly orders: number;
  readonly fills: number;
  /** Turns taken by workers; the invariants are checked after each that changed something. */
  readonly steps: number;
  readonly violations: number;
  readonly failed_seeds: readonly number[];
  /** Orders of which nobody knew where they stand once everything had healed. */
  readonly stuck: number;
  readonly lost_fills: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly crashes: number;
  /** Crashes by where they were, stalls, lost messages, and what people did. */
  readonly events: Readonly<Record<string, number>>;
  /** Orders accepted after their permit's window: the exchange's clock had gone back since it was measured. */
  readonly late_orders: number;
  readonly slowest_order_ms: number;
  /** Positions without a stop at the exchange; their engine stop was armed all the time. */
  readonly naked: {
    readonly count: number;
    readonly p50_ms: number;
    readonly p99_ms: number;
    readonly max_ms: number;
  };
  readonly virtual_hours: number;
  readonly took_seconds: number;
}

/** First characters of the SHA-256 of everything that happened, in order. */
export async function hashOf(lines: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  return [...new Uint8Array(digest).slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function reportOn(results: readonly SeedResult[], tookMs: number): Report {
  const sum = (of: (result: SeedResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const events = sumOf(results.map(({ counts }) => counts));
  const failures = results.filter(({ failure }) => failure !== null);
  const naked = results.flatMap(({ nakedMs }) => nakedMs).sort((a, b) => a - b);
  const at = (share: number) => naked[Math.min(naked.length - 1, Math.floor(naked.length * share))] ?? 0;
  return {
    seeds: results.length,
    orders: sum(({ orders }) => orders),
    fills: sum(({ fills }) => fills),
    steps: sum(({ steps }) => steps),
    violations: sum(({ failure }) => failure?.violations.length ?? 0),
    failed_seeds: failures.map(({ seed }) => seed),
    stuck: sum(({ stuck }) => stuck),
    lost_fills:
      failures.flatMap(({ failure }) => failure!.violations).filter((one) =>
        one.invariant === "no_fill_is_lost"
      ).length,
    faults: sumOf(results.map(({ faults }) => faults)),
    crashes: Object.entries(events).reduce(
      (total, [name, count]) => total + (name.startsWith("crash ") ? count : 0),
      0,
    ),
    events,
    late_orders: sum(({ lateOrders }) => lateOrders),
    slowest_order_ms: Math.max(0, ...results.map(({ slowestMs }) => slowestMs)),
    naked: { count: naked.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: naked.at(-1) ?? 0 },
    virtual_hours: Math.round(sum(({ virtualMs }) => virtualMs) / 36_000) / 100,
    took_seconds: Math.round(tookMs / 100) / 10,
  };
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts) {
    for (const [name, count] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => a < b ? -1 : 1));
}

/** What went wrong in a seed, and how to see it again. */
export function tellFailure({ seed, hash, failure }: SeedResult, bug: string | null): string[] {
  if (failure === null) return [];
  const replay = `deno task simulate --seeds ${seed}${bug === null ? "" : ` --bug ${bug}`} --log`;
  return [
    `seed ${seed}, step ${failure.step}, ${failure.at} after its beginning (hash ${hash}):`,
    ...failure.violations.map((one) =>
      `  ${one.invariant}: ${one.subject}: observed ${one.observed}, expected ${one.expected}`
    ),
    `  replay: ${replay}`,
  ];
}
