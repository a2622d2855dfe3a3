import assert from "node:assert/strict";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";
import { watchInstruments } from "./instrument_watch.ts";

/** What the watch stores, one line a list, while the engine says in turn when its instruments were applied. */
async function watched(
  updatedAt: readonly (number | null)[],
  fetchInstruments?: () => Promise<readonly Instrument[]>,
): Promise<string[]> {
  const over = new AbortController();
  const applied: string[] = [];
  const answers = [...updatedAt];
  const store = {
    instrumentsUpdatedAt: () => {
      const at = answers.shift()!;
      if (answers.length === 0) over.abort();
      return Promise.resolve(at);
    },
    applyInstruments: (list: readonly Instrument[], source: string, isFullList: boolean) => {
      applied.push(`${list.map(({ symbol }) => symbol)} of ${source}, full: ${isFullList}`);
      return Promise.resolve(list.length);
    },
  };
  const market = { name: "simulator", ...(fetchInstruments ? { fetchInstruments } : {}) } as const;
  await watchInstruments(market, store, over.signal, () => {}, 1);
  return applied;
}

const fetched = () => Promise.resolve([{ symbol: "BTCUSDT" } as Instrument]);

Deno.test("a run's symbols are fetched again when one of them is doubted, and no symbol is delisted by it", async () => {
  const fresh = Date.now();
  assert.deepEqual(await watched([fresh, null, fresh], fetched), ["BTCUSDT of simulator, full: false"]);
});

Deno.test("a run's symbols are fetched again every five minutes", async () => {
  const minute = 60_000;
  assert.equal((await watched([Date.now() - 4 * minute, Date.now()], fetched)).length, 0);
  assert.equal((await watched([Date.now() - 6 * minute, Date.now()], fetched)).length, 1);
});

Deno.test("a market that cannot change is not asked", async () => {
  assert.deepEqual(await watched([null]), []);
});
