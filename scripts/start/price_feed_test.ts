import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { PendingQuotes } from "./pending_quotes.ts";
import { PriceFeed } from "./price_feed.ts";

const EFFECT = { applied: 1, stops: 0, limits: 0 };

function quote(symbol: string, last: string, observedAt: number): Quote {
  return {
    ...{ symbol, bid: last, bidQty: "1", ask: last, askQty: "1", last, high: last, low: last },
    ...{ observedAt, source: "synthetic" },
  };
}

async function* ticksOf(ticks: readonly Tick[]): AsyncGenerator<Tick> {
  yield* ticks;
}

Deno.test("merging keeps the newest book and the extremes of every quote, whatever comes back late", () => {
  const pending = new PendingQuotes();
  pending.add([quote("A", "10.5", 1), quote("B", "1", 1)]);
  pending.add([quote("A", "9.75", 2)]);
  const first = pending.take();
  equal(first.find(({ symbol }) => symbol === "A"), { ...quote("A", "9.75", 2), high: "10.5", low: "9.75" });
  pending.add([quote("A", "100", 3)]);
  pending.putBack(first);
  equal(pending.take().find(({ symbol }) => symbol === "A"), { ...quote("A", "100", 3), low: "9.75" });
  ok(pending.isEmpty);
});

Deno.test("while the engine is busy ticks wait as one, and none is lost at the end", async () => {
  const applied: Quote[][] = [];
  const gate = Promise.withResolvers<void>();
  const feed = new PriceFeed({
    log: () => {},
    apply: async (quotes) => {
      applied.push([...quotes]);
      await gate.promise;
      return EFFECT;
    },
  });
  const ticks = Array.from({ length: 100 }, (_, i): Tick => ({ at: i, quotes: [quote("A", `${1 + i}`, i)] }));
  const running = feed.run(ticksOf(ticks));
  while (feed.figures.ticks < ticks.length) await new Promise((resolve) => setTimeout(resolve, 1));
  gate.resolve();
  await running;
  ok(applied.length <= 3, `${applied.length} calls for 100 ticks`);
  equal(applied.at(-1)![0]!.last, "100");
  equal(applied.at(-1)![0]!.high, "100");
  equal(feed.figures.merged, ticks.length - applied.length);
});

Deno.test("prices that did not get through are sent again, once the database is back", async () => {
  const lines: string[] = [];
  const applied: string[] = [];
  let failures = 3;
  const feed = new PriceFeed({
    log: (line) => lines.push(line),
    apply: (quotes) => {
      if (failures-- > 0) return Promise.reject(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }));
      applied.push(...quotes.map(({ last }) => last));
      return Promise.resolve(EFFECT);
    },
  });
  await feed.run(ticksOf([{ at: 1, quotes: [quote("A", "7", 1)] }]));
  equal(applied, ["7"]);
  equal(lines, ["prices did not reach the engine: gone", "prices reach the engine again"]);
});

Deno.test("a stopped feed ends although the engine never answers well again", async () => {
  const feed = new PriceFeed({ log: () => feed.stop(), apply: () => Promise.reject(new Error("gone")) });
  await feed.run(ticksOf([{ at: 1, quotes: [quote("A", "7", 1)] }]));
});

Deno.test("an error of the market itself reaches the caller", async () => {
  const feed = new PriceFeed({ log: () => {}, apply: () => Promise.resolve(EFFECT) });
  async function* broken(): AsyncGenerator<Tick> {
    yield { at: 1, quotes: [quote("A", "7", 1)] };
    throw new Error("the file is torn");
  }
  await rejects(feed.run(broken()), /the file is torn/);
});
