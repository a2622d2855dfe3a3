import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import type { Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { KlineFile } from "./kline_file.ts";
import { openReplay } from "./replay.ts";
import { collect, recordedPath, testWithRecorded, withDirectory, writeLines } from "./testing.ts";

const HEADER = "open_time,open,high,low,close,volume";
const T0 = 1621425600000;
const minute = (index: number) => T0 + index * 60_000;

/** Runs `use` on two small files: BTC has minutes 0 and 3, ETH minutes 0 and 1. */
async function withTwoFiles(use: (files: KlineFile[], directory: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const btc = [HEADER, `${minute(0)},100,110,90,105,5`, `${minute(3)},120,121,119,120,5`];
    const eth = [HEADER, `${minute(0)},10,11,9,9.5,5`, `${minute(1)},9.5,9.5,9.5,9.5,0`];
    await use([
      { path: await writeLines(directory, "btc.csv", btc), symbol: "BTCUSDT" },
      { path: await writeLines(directory, "eth.csv.gz", eth), symbol: "ETHUSDT" },
    ], directory);
  });
}

Deno.test("files are merged by time: symbols that quote at one time share a tick", async () => {
  await withTwoFiles(async (files) => {
    const ticks = await collect((await openReplay(files)).ticks());
    assert.deepEqual(ticks.slice(0, 4).map((tick) => tick.quotes.map((quote) => quote.symbol)), [
      ["BTCUSDT", "ETHUSDT"],
      ["BTCUSDT", "ETHUSDT"],
      ["BTCUSDT", "ETHUSDT"],
      ["BTCUSDT", "ETHUSDT"],
    ]);
    const times = ticks.map((tick) => tick.at);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    for (const tick of ticks) for (const quote of tick.quotes) assert.equal(quote.observedAt, tick.at);
  });
});

Deno.test("minutes without a candle and candles without volume have no tick", async () => {
  await withTwoFiles(async (files) => {
    const ticks = await collect((await openReplay(files)).ticks());
    const minutes = new Set(ticks.map((tick) => Math.floor((tick.at - T0) / 60_000)));
    assert.deepEqual([...minutes], [0, 3]);
  });
});

Deno.test("a gap from one close to the next open is traded by nobody", async () => {
  await withTwoFiles(async (files) => {
    const ticks = await collect((await openReplay(files)).ticks());
    const btc = ticks.flatMap((tick) => tick.quotes).filter((quote) => quote.symbol === "BTCUSDT");
    assert.deepEqual([btc[3]!.last, btc[4]!.last], ["105", "120"]);
    assert.deepEqual([btc[4]!.low, btc[4]!.high], ["120", "120"]);
  });
});

Deno.test("candles come one minute at a time, also those without volume", async () => {
  await withTwoFiles(async (files) => {
    const minutes = await collect((await openReplay(files)).candles());
    assert.deepEqual(minutes.map((group) => group.map((candle) => `${candle.symbol} ${candle.close}`)), [
      ["BTCUSDT 105", "ETHUSDT 9.5"],
      ["ETHUSDT 9.5"],
      ["BTCUSDT 120"],
    ]);
  });
});

Deno.test("one symbol may come in several files, but not twice for one minute", async () => {
  await withTwoFiles(async ([btc], directory) => {
    const later = await writeLines(directory, "later.csv", [HEADER, `${minute(5)},120,121,119,120,5`]);
    const replay = await openReplay([btc!, { path: later, symbol: "BTCUSDT" }]);
    assert.deepEqual([replay.candleCount, replay.firstAt, replay.lastAt], [3, minute(0), minute(5)]);
    assert.equal(replay.instruments.length, 1);
    const twice = await openReplay([btc!, btc!]);
    await assert.rejects(collect(twice.ticks()), /both have BTCUSDT at 1621425600000/);
  });
});

Deno.test("an instrument may be given, and data off its tick is then an error", async () => {
  await withTwoFiles(async (files) => {
    const [btc] = (await openReplay(files)).instruments;
    const coarse = await openReplay([files[0]!], { instruments: [{ ...btc!, tickSize: "10" }] });
    await assert.rejects(collect(coarse.ticks()), /105 is not a multiple of the tick size 10 of BTCUSDT/);
  });
});

Deno.test("a fault in the last line of a file is known when the replay is opened", async () => {
  await withDirectory(async (directory) => {
    const path = await writeLines(directory, "k.csv", [
      HEADER,
      `${minute(0)},1,2,1,2,1`,
      `${minute(1)},1,1,2,1,1`,
    ]);
    await assert.rejects(openReplay([{ path, symbol: "BTCUSDT" }]), /k\.csv:3: low 2 is above high 1/);
  });
});

Deno.test("no file, or a book model out of range, is refused", async () => {
  await assert.rejects(openReplay([]), /at least one file/);
  await assert.rejects(
    openReplay([{ path: "x", symbol: "BTCUSDT" }], { model: { levels: -1 } }),
    /levels must be/,
  );
});

const CRASH = ["BTC", "ETH"].map((base) => `klines/${base}USDT_1m_2021-05-15_2021-05-20.csv.gz`);

/** Lowest and highest price of a recorded file, as its manifest has them. */
async function manifestRange(name: string): Promise<{ low: string; high: string }> {
  const manifest = await Deno.readTextFile(recordedPath("MANIFEST.csv"));
  const fields = manifest.split("\n").find((line) => line.startsWith(`${name},`))!.split(",");
  return { low: fields[5]!, high: fields[6]! };
}

for (const ticksPerCandle of [1, 4] as const) {
  testWithRecorded(
    `the crash of 2021-05-19 reaches the extremes on record with ${ticksPerCandle} quotes a candle`,
    CRASH,
    async () => {
      const files = CRASH.map((name) => ({ path: recordedPath(name), symbol: name.slice(7, 14) }));
      const replay = await openReplay(files, { ticksPerCandle });
      const ranges = new Map<string, { low: Decimal; high: Decimal }>();
      let count = 0;
      for await (const { quotes } of replay.ticks()) {
        for (const { symbol, bid, ask, last, low, high } of quotes) {
          count++;
          const so = ranges.get(symbol) ?? { low: new Decimal(last), high: new Decimal(last) };
          ranges.set(symbol, { low: Decimal.min(so.low, low), high: Decimal.max(so.high, high) });
          assert.ok(new Decimal(bid).lt(ask));
        }
      }
      assert.equal(count, 2 * 8_400 * ticksPerCandle);
      for (const [index, file] of files.entries()) {
        const range = ranges.get(file.symbol)!;
        const expected = await manifestRange(CRASH[index]!);
        assert.deepEqual({ low: range.low.toString(), high: range.high.toString() }, expected);
      }
    },
  );
}

const OUTAGE = "klines/BTCUSDT_1m_2021-04-24_2021-04-26.csv.gz";

testWithRecorded("the outage of 2021-04-25 has no tick for 284 minutes", [OUTAGE], async () => {
  const replay = await openReplay([{ path: recordedPath(OUTAGE), symbol: "BTCUSDT" }], { ticksPerCandle: 1 });
  let before: Tick | undefined;
  let longest = 0;
  for await (const tick of replay.ticks()) {
    longest = Math.max(longest, tick.at - (before?.at ?? tick.at));
    before = tick;
  }
  assert.equal(longest, 285 * 60_000);
});

testWithRecorded("a replay is the same every time it runs", [OUTAGE], async () => {
  const replay = await openReplay([{ path: recordedPath(OUTAGE), symbol: "BTCUSDT" }], { seed: 9 });
  const digest = async () => {
    const text = (await collect(replay.ticks())).map((tick) => JSON.stringify(tick)).join("\n");
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  };
  assert.deepEqual(await digest(), await digest());
});
