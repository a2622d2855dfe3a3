import assert from "node:assert/strict";
import type { Instrument, Quote } from "../domain/market/types.ts";
import { MarketError, type PolledSource } from "../ports/market.ts";
import type { MarketStore, TickEffect } from "../ports/market_store.ts";
import { INSTRUMENTS_MAX_AGE_MS, refreshMarket } from "./refresh_market.ts";

const NOW = 1_700_000_000_000;

class FakeSource implements PolledSource {
  readonly name = "fake";
  readonly questions: { symbols: readonly string[]; since: ReadonlyMap<string, number> | undefined }[] = [];
  instrumentCalls = 0;
  silence = 0;
  failure: Error | undefined;
  silentMs = () => this.silence;

  instruments(): Promise<Instrument[]> {
    this.instrumentCalls++;
    return Promise.resolve([]);
  }

  quotes(symbols: readonly string[], since?: ReadonlyMap<string, number>): Promise<Quote[]> {
    this.questions.push({ symbols, since });
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(symbols.map((symbol) => ({ symbol }) as Quote));
  }
}

class FakeStore implements MarketStore {
  readonly applied: number[] = [];
  readonly heeded: number[] = [];
  constructor(
    readonly plan: ReadonlyMap<string, number | undefined> | null,
    readonly updatedAt: number | null,
  ) {}
  pollPlan = () => Promise.resolve(this.plan);
  heedLimit(silentMs: number): Promise<void> {
    this.heeded.push(silentMs);
    return Promise.resolve();
  }
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

Deno.test("while the exchange has asked for silence nothing is asked, not even for filters that are due", async () => {
  const source = new FakeSource();
  source.silence = 5_000;
  const store = new FakeStore(null, null);
  const summary = await refreshMarket(source, store, NOW);
  assert.deepEqual([source.questions.length, source.instrumentCalls], [0, 0]);
  assert.deepEqual(summary, { asked: 0, instruments: 0, applied: 0, stops: 0, limits: 0 });
  assert.deepEqual(store.heeded, [], "what the store knows it is not told again");
});

Deno.test("a refusal is told to the store with its silence, and the poll fails with it", async () => {
  const source = new FakeSource();
  source.silence = 600_000;
  source.failure = new MarketError("limited", "too many requests", { retryAfterMs: 600_000 });
  const store = new FakeStore(new Map([["SOLUSDT", undefined]]), NOW);
  await assert.rejects(refreshMarket(source, store, NOW), /too many requests/);
  assert.deepEqual(store.heeded, [600_000]);
});

Deno.test("a refusal in the middle of a poll is told too, and what was answered is stored", async () => {
  const source = new FakeSource();
  source.silence = 60_000;
  const store = new FakeStore(new Map([["SOLUSDT", undefined]]), NOW);
  await refreshMarket(source, store, NOW);
  assert.deepEqual([store.applied, store.heeded], [[1], [60_000]]);
});

Deno.test("a failure that is no refusal silences nobody", async () => {
  const source = new FakeSource();
  source.failure = new MarketError("unreachable", "no answer");
  const store = new FakeStore(new Map([["SOLUSDT", undefined]]), NOW);
  await assert.rejects(refreshMarket(source, store, NOW), /no answer/);
  assert.deepEqual(store.heeded, []);
});
