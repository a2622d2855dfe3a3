import assert from "node:assert/strict";
import type { Instrument, Quote } from "../domain/market/types.ts";
import type { MarketSource } from "../ports/market.ts";
import type { MarketStore, TickEffect } from "../ports/market_store.ts";
import { INSTRUMENTS_MAX_AGE_MS, refreshMarket } from "./refresh_market.ts";

const NOW = 1_700_000_000_000;

class FakeSource implements MarketSource {
  readonly name = "fake";
  readonly questions: { symbols: readonly string[]; since: ReadonlyMap<string, number> | undefined }[] = [];
  instrumentCalls = 0;

  instruments(): Promise<Instrument[]> {
    this.instrumentCalls++;
    return Promise.resolve([]);
  }

  quotes(symbols: readonly string[], since?: ReadonlyMap<string, number>): Promise<Quote[]> {
    this.questions.push({ symbols, since });
    return Promise.resolve(symbols.map((symbol) => ({ symbol }) as Quote));
  }
}

class FakeStore implements MarketStore {
  readonly applied: number[] = [];
  constructor(readonly plan: ReadonlyMap<string, number | undefined>, readonly updatedAt: number | null) {}
  pollPlan = () => Promise.resolve(this.plan);
  instrumentsUpdatedAt = () => Promise.resolve(this.updatedAt);
  applyInstruments = () => Promise.resolve(3);
  applyPrices(quotes: readonly Quote[]): Promise<TickEffect> {
    this.applied.push(quotes.length);
    return Promise.resolve({ applied: quotes.length, stops: 1, limits: 2 });
  }
}

Deno.test("a poll asks for the planned symbols in hundreds and sums what the ticks did", async () => {
  const plan = new Map(
    Array.from({ length: 150 }, (_, i) => [`S${i}USDT`, i === 0 ? 42 : undefined] as const),
  );
  const source = new FakeSource();
  const store = new FakeStore(plan, NOW);
  const summary = await refreshMarket(source, store, NOW);
  assert.deepEqual(source.questions.map(({ symbols }) => symbols.length), [100, 50]);
  assert.deepEqual([...source.questions[0]!.since!], [["S0USDT", 42]]);
  assert.deepEqual(summary, { asked: 150, instruments: 0, applied: 150, stops: 2, limits: 4 });
});

Deno.test("filters are fetched when there are none or they are old, and not otherwise", async () => {
  for (
    const [updatedAt, calls] of [[null, 1], [NOW - INSTRUMENTS_MAX_AGE_MS - 1, 1], [NOW - 1_000, 0]] as const
  ) {
    const source = new FakeSource();
    await refreshMarket(source, new FakeStore(new Map(), updatedAt), NOW);
    assert.equal(source.instrumentCalls, calls, `updated at ${updatedAt}`);
  }
});

Deno.test("an empty plan asks the exchange nothing", async () => {
  const source = new FakeSource();
  await refreshMarket(source, new FakeStore(new Map(), NOW), NOW);
  assert.deepEqual(source.questions, []);
});
