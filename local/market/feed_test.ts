import assert from "node:assert/strict";
import {
  bookRow,
  type FakeBinance,
  html,
  json,
  klineRow,
  startFakeBinance,
} from "../../supabase/functions/_shared/adapters/market/fake_binance.ts";
import type { BinanceHost } from "../../supabase/functions/_shared/adapters/market/hosts.ts";
import type { Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { type MarketSettings, openMarket } from "./feed.ts";
import { parseMarketOption } from "./option.ts";
import { collect, recordedPath, testWithRecorded, withDirectory, writeLines } from "./testing.ts";

const T0 = 1_700_000_000_000;
const lockstep: MarketSettings = { speed: Infinity, now: () => T0, log: () => {} };

async function take(stream: AsyncIterable<Tick>, count: number): Promise<Tick[]> {
  const ticks: Tick[] = [];
  for await (const tick of stream) {
    ticks.push(tick);
    if (ticks.length === count) break;
  }
  return ticks;
}

const FILTERS = [
  { filterType: "PRICE_FILTER", minPrice: "0.01", maxPrice: "1000000", tickSize: "0.01" },
  { filterType: "LOT_SIZE", minQty: "0.00001", maxQty: "9000", stepSize: "0.00001" },
];
const BTC = {
  symbol: "BTCUSDT",
  status: "TRADING",
  baseAsset: "BTC",
  quoteAsset: "USDT",
  baseCommissionPrecision: 8,
  quoteCommissionPrecision: 8,
  orderTypes: ["LIMIT"],
  isSpotTradingAllowed: true,
  filters: FILTERS,
};

function binanceAnswers(): FakeBinance["answers"] {
  return {
    "time": () => json({ serverTime: T0 }),
    "exchangeInfo": () => json({ serverTime: T0, symbols: [BTC] }),
    "ticker/bookTicker": () => json([bookRow("BTCUSDT", "60741.67", "60741.68")]),
    "klines": () => json([klineRow(T0, "60740", "60742", "60741.5")]),
  };
}

async function withBinance(use: (fake: FakeBinance, hosts: BinanceHost[]) => Promise<void>): Promise<void> {
  const fake = startFakeBinance(binanceAnswers());
  try {
    await use(fake, [{ source: "binance", url: fake.url }]);
  } finally {
    await fake.stop();
  }
}

Deno.test("a synthetic market in lockstep is the same every time and says that it is made up", async () => {
  const open = () =>
    openMarket(parseMarketOption("synthetic:7"), { ...lockstep, symbols: ["BTCUSDT", "ETHUSDT"] });
  const [one, two] = [await open(), await open()];
  assert.deepEqual(await take(one.stream, 50), await take(two.stream, 50));
  assert.equal(one.name, "synthetic");
  assert.match(one.described, /Made-up prices of 2 symbols from seed 7, as fast as they are read/);
  assert.deepEqual(one.instruments.map((instrument) => instrument.symbol), ["BTCUSDT", "ETHUSDT"]);
});

Deno.test("a replay ends with its files; candles and trades of different symbols run together", async () => {
  await withDirectory(async (directory) => {
    const klines = await writeLines(directory, "BTCUSDT_1m_x.csv", ["1609459200000,100,110,90,105,5"]);
    const trades = await writeLines(directory, "ETHUSDT_trades_x.csv", [
      "time,price,qty,taker_side",
      "1609459220000,700,1,buy",
      "1609459230000,701,1,sell",
    ]);
    const market = await openMarket(parseMarketOption(`replay:${klines},${trades}`), lockstep);
    const ticks = await collect(market.stream);
    assert.deepEqual(ticks.map((tick) => tick.quotes.map((quote) => quote.symbol).join()), [
      "BTCUSDT",
      "BTCUSDT,ETHUSDT",
      "ETHUSDT",
      "BTCUSDT",
      "BTCUSDT",
    ]);
    assert.match(
      market.described,
      /Recorded prices of BTCUSDT, ETHUSDT, 2021-01-01 00:00 to 2021-01-01 00:00 UTC/,
    );
  });
});

Deno.test("candles and trades of one symbol cannot be replayed together", async () => {
  const option = parseMarketOption("replay:BTCUSDT_1m_x.csv,BTCUSDT_trades_x.csv");
  await assert.rejects(
    openMarket(option, lockstep),
    /BTCUSDT has a file of trades, so it cannot have another/,
  );
});

Deno.test("a missing replay file is an error at once", async () => {
  const option = parseMarketOption("replay:/no/such/BTCUSDT_1m_x.csv.gz");
  await assert.rejects(openMarket(option, lockstep), /BTCUSDT_1m_x\.csv\.gz: no such file/);
});

Deno.test("at a finite speed quotes carry the wall clock, and a stop ends the stream while it waits", async () => {
  const before = Date.now();
  const market = await openMarket(parseMarketOption("synthetic:1"), {
    speed: 20,
    now: Date.now,
    log: () => {},
    symbols: ["BTCUSDT"],
  });
  const stamps: number[] = [];
  for await (const tick of market.stream) {
    stamps.push(tick.quotes[0]!.observedAt);
    if (stamps.length === 3) market.stop();
  }
  assert.equal(stamps.length, 3);
  assert.ok(stamps[0]! >= before && stamps[2]! <= Date.now());
  assert.equal(stamps[2]! - stamps[0]!, 100);
});

Deno.test("the live market is polled, says so, and ends when stopped", async () => {
  await withBinance(async (_, hosts) => {
    const market = await openMarket(parseMarketOption("binance"), {
      speed: 60,
      now: Date.now,
      log: () => {},
      symbols: ["BTCUSDT"],
      hosts,
    });
    assert.match(market.described, /Real prices of 1 symbols .* every 2 s\. The speed option has no effect/);
    const ticks: Tick[] = [];
    for await (const tick of market.stream) {
      ticks.push(tick);
      market.stop();
    }
    assert.deepEqual([ticks.length, ticks[0]!.quotes[0]!.last, ticks[0]!.quotes[0]!.source], [
      1,
      "60741.5",
      "binance",
    ]);
    assert.equal(market.instruments[0]!.tickSize, "0.01");
  });
});

Deno.test("the simulator's prices say that they are the simulator's", async () => {
  await withBinance(async (_, hosts) => {
    const option = parseMarketOption(`simulator:${hosts[0]!.url}`);
    const market = await openMarket(option, { ...lockstep, symbols: ["BTCUSDT"] });
    assert.match(market.described, /^Prices of 1 symbols from the Binance simulator at http:/);
    for await (const { quotes } of market.stream) {
      market.stop();
      assert.equal(quotes[0]!.source, "simulator");
    }
  });
});

Deno.test("an exchange's instruments can be fetched as they are now; those of a made-up market cannot change", async () => {
  await withBinance(async (fake, hosts) => {
    const settings = { ...lockstep, symbols: ["BTCUSDT"] };
    const market = await openMarket(parseMarketOption(`simulator:${hosts[0]!.url}`), settings);
    market.stop();
    fake.answers["exchangeInfo"] = () => json({ serverTime: T0, symbols: [{ ...BTC, status: "HALT" }] });
    assert.deepEqual((await market.fetchInstruments!()).map(({ status }) => status), ["HALT"]);
  });
  assert.equal((await openMarket({ kind: "synthetic", seed: 1 }, lockstep)).fetchInstruments, undefined);
});

Deno.test("auto takes Binance where it answers", async () => {
  await withBinance(async (_, hosts) => {
    const settings = { ...lockstep, symbols: ["BTCUSDT"], hosts };
    assert.equal((await openMarket({ kind: "auto" }, settings)).name, "binance");
  });
});

for (const missing of ["time", "exchangeInfo"]) {
  Deno.test(`auto takes the synthetic market, and says why, where Binance's ${missing} is a page of HTML`, async () => {
    await withBinance(async (fake, hosts) => {
      fake.answers[missing] = () => html();
      const lines: string[] = [];
      const settings = { ...lockstep, log: (line: string) => lines.push(line), symbols: ["BTCUSDT"], hosts };
      const market = await openMarket({ kind: "auto" }, settings);
      assert.equal(market.name, "synthetic");
      assert.match(market.described, /Made-up prices .* did not answer, so these are not real/);
      assert.match(lines.join(), /Binance's public data cannot be had/);
    });
  });
}

Deno.test("a market that was asked for by name does not turn into another one", async () => {
  await withBinance(async (fake, hosts) => {
    fake.answers["exchangeInfo"] = () => html(503);
    await assert.rejects(openMarket({ kind: "binance" }, { ...lockstep, hosts }), { name: "MarketError" });
  });
});

Deno.test("a speed of zero, and a wall clock at infinite speed, are refused", async () => {
  const option = parseMarketOption("synthetic:1");
  await assert.rejects(openMarket(option, { ...lockstep, speed: 0 }), /speed must be above zero/);
  await assert.rejects(openMarket(option, { ...lockstep, restamp: true }), /at infinite speed/);
});

const QUIET = "klines/BTCUSDT_1m_2024-01-01_2024-01-14.csv.gz";

testWithRecorded("two weeks of recorded candles are read in lockstep to the last tick", [QUIET], async () => {
  const market = await openMarket(parseMarketOption(`replay:${recordedPath(QUIET)}`), lockstep);
  let count = 0;
  for await (const _ of market.stream) count++;
  assert.equal(count, 20_160 * 4);
});
