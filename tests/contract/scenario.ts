/** A scenario of the contract, and the words it is told with. */
import assert from "node:assert/strict";
import type { Row, Rows } from "./rows.ts";
import type { Hiring, Levels, Trader, World } from "./world.ts";

/** Plays on any world, and fails where what it promises does not hold there. */
export interface Scenario {
  /** A sentence: what happens, and under which condition. */
  readonly name: string;
  play(world: World): Promise<void>;
}

/** 100 USDT at a cap of 60,310.05: 0.00165 BTC, of which 0.00164835 are left after the fee. */
export const LEVELS: Levels = { stopLoss: 58_000, takeProfit: [63_000] };

/** A trader with a filled market entry in BTC. */
export async function enter(
  world: World,
  levels: Levels = LEVELS,
  hiring?: Hiring,
): Promise<{ readonly trader: Trader; readonly signal: string }> {
  const trader = await world.hire(hiring);
  const signal = await world.decide(trader, "BTCUSDT", levels);
  await world.settle();
  return { trader, signal };
}

/** Fails unless the row of that kind (the n-th) has these values. */
export async function expectRow(world: World, kind: keyof Rows, expected: Row, n = 0): Promise<void> {
  const row = (await world.rows())[kind][n];
  assert.ok(row, `${world.venue} has no ${kind}[${n}]`);
  const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]]));
  assert.deepEqual(seen, expected, `${kind}[${n}] of ${world.venue}`);
}

/** Fails unless there are exactly these rows of a kind, by the columns named. */
export async function expectRows(world: World, kind: keyof Rows, expected: readonly Row[]): Promise<void> {
  const rows = (await world.rows())[kind];
  const names = Object.keys(expected[0] ?? {});
  const seen = rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
  assert.deepEqual(expected.length === 0 ? rows : seen, expected, `${kind} of ${world.venue}`);
}
