/** One seed from its first decision to its last comparison. */
import type { Violation } from "./books.ts";
import type { Bug } from "./bugs.ts";
import { afterHealing, heal } from "./healing.ts";
import { Script } from "./script.ts";
import { Truth } from "./truth.ts";
import { connect, World } from "./world.ts";
import { hashOf } from "./report.ts";
import { cloneDatabase } from "../harness/database.ts";

/** What a seed came to. */
export interface SeedResult {
  readonly seed: number;
  /** Hash of everything that happened, in order. */
  readonly hash: string;
  readonly steps: number;
  readonly orders: number;
  readonly fills: number;
  readonly virtualMs: number;
  readonly healedMs: number;
  readonly wallMs: number;
  readonly stuck: number;
  readonly lateOrders: number;
  readonly slowestMs: number;
  readonly nakedMs: readonly number[];
  readonly faults: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  /** The first that went wrong, and when; null: all was right. */
  readonly failure:
    | { readonly step: number; readonly at: string; readonly violations: readonly Violation[] }
    | null;
  readonly events: readonly string[];
}

class Broken extends Error {
  constructor(readonly violations: readonly Violation[]) {
    super(violations.map(({ invariant }) => invariant).join(", "));
  }
}

/** Plays a seed in a fresh copy of the migrated database, with a bug planted where one is given. */
export async function runSeed(
  seed: number,
  bug: Bug | null = null,
): Promise<SeedResult> {
  const startedAt = performance.now();
  const database = await cloneDatabase(`simulate_${seed}`);
  const sql = connect(database);
  const truth = new Truth();
  let checkedAt = Infinity;
  const check = async (world: World) => {
    if (world.changes <= checkedAt) return;
    checkedAt = world.changes;
    const violations = await truth.look(world);
    if (violations.length > 0) throw new Broken(violations);
  };
  const world = new World(sql, seed, Script.crewSize(seed), bug?.venue ?? ((venue) => venue), check);
  let healedMs = 0;
  let failure: SeedResult["failure"] = null;
  try {
    await bug?.plant?.(sql);
    const script = new Script(world);
    await script.begin();
    checkedAt = -1;
    await script.play();
    healedMs = await heal(world, () => script.calmTick());
    checkedAt = -1;
    await check(world);
    const violations = [...truth.lost()];
    for await (const violation of afterHealing(world)) violations.push(violation);
    if (violations.length > 0) throw new Broken(violations);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    failure = { step: world.turns.count, at: world.at, violations: error.violations };
  }
  try {
    return { ...await sum(world, truth), healedMs, failure, wallMs: performance.now() - startedAt };
  } finally {
    await sql.end({ timeout: 2 });
    await database.drop();
  }
}

async function sum(world: World, truth: Truth): Promise<Omit<SeedResult, "healedMs" | "failure" | "wallMs">> {
  const [row] = await world.sql`
    select (select count(*)::int from public.orders where permitted_at is not null) as orders,
      (select count(*)::int from public.trades) as fills,
      (select count(*)::int from public.orders where state in ('submitting', 'unknown')) as stuck,
      array(select round(extract(epoch from n.ended_at - n.began_at) * 1000)::int from trading.naked_moments n) as naked`;
  const faults: Record<string, number> = {};
  for (const { fault } of world.simulator.log) if (fault !== null) faults[fault] = (faults[fault] ?? 0) + 1;
  return {
    seed: world.seed,
    hash: await hashOf(world.events),
    steps: world.turns.count,
    orders: row!["orders"],
    fills: row!["fills"],
    stuck: row!["stuck"],
    nakedMs: row!["naked"],
    virtualMs: world.turns.clock.now() - world.startedAt,
    lateOrders: truth.lateCount,
    slowestMs: truth.slowestMs,
    faults,
    counts: Object.fromEntries(world.counts),
    events: world.events,
  };
}
