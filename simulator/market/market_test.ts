import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ManualClock } from "../core/clock.ts";
import { bestPrice } from "../engine/book.ts";
import { Simulator } from "../simulator.ts";
import { answered, START_MS } from "../testing.ts";
import { MarketFileError } from "./files.ts";
import { openRecordings, ReplaySource } from "./replay.ts";
import { openMarkets, SyntheticSource } from "./synthetic.ts";

const DATA = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
const hasData = await Deno.stat(DATA).then(() => true, () => false);
if (!hasData) console.log("note: skipped, the recorded markets are not beside the project");

async function replay(...texts: readonly (readonly [string, string])[]) {
  const dir = await Deno.makeTempDir();
  try {
    const paths = texts.map(([name]) => `${dir}/${name}`);
    for (const [name, text] of texts) await Deno.writeTextFile(`${dir}/${name}`, text);
    return await replayFiles(paths);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function replayFiles(paths: readonly string[]) {
  const clock = new ManualClock(START_MS);
  const simulator = new Simulator(clock, 1);
  simulator.source = new ReplaySource(await openRecordings(paths, simulator.state, 1), clock.now());
  const get = (path: string, query: string) => {
    simulator.advance();
    const request = { method: "GET", path: `/api/v3/${path}`, query, body: "", apiKey: null, ip: "" };
    return answered(simulator.api.handle(request)).body;
  };
  return { clock, simulator, get };
}

const CANDLES = "open_time,open,high,low,close,volume\n" +
  "1700000040000,100.5,110,90,105.25,8.00001\n1700000100000,105.25,106,104,104.5,0\n1700000160000,104.5,120,104,119,4\n";

Deno.test("candles that were replayed come out as the same candles", async () => {
  const { clock, get } = await replay(["BTCUSDT_1m.csv", CANDLES]);
  clock.advance(180_000);
  const rows = get("klines", "symbol=BTCUSDT&interval=1m") as string[][];
  assert.deepEqual(rows.map((row) => row.slice(1, 6)), [
    ["100.50000000", "110.00000000", "90.00000000", "105.25000000", "8.00001000"],
    ["104.50000000", "120.00000000", "104.00000000", "119.00000000", "4.00000000"],
  ]);
  assert.deepEqual(rows.map(([openTime]) => openTime as unknown), [START_MS, START_MS + 120_000]);
  const [hour] = get("klines", "symbol=BTCUSDT&interval=1h") as string[][];
  assert.deepEqual(hour!.slice(1, 6), [
    "100.50000000",
    "120.00000000",
    "90.00000000",
    "119.00000000",
    "12.00001000",
  ]);
});

Deno.test("candles of a second tell each wick between two looks", async () => {
  const { clock, get } = await replay(["BTCUSDT_1m.csv", CANDLES]);
  clock.advance(60_000);
  const rows = get("klines", "symbol=BTCUSDT&interval=1s") as string[][];
  assert.deepEqual(rows.map((row) => row[0] as unknown as number - START_MS), [0, 15_000, 30_000, 45_000]);
  assert.deepEqual(rows.map((row) => row[6] as unknown as number - (row[0] as unknown as number)), [
    999,
    999,
    999,
    999,
  ]);
  assert.deepEqual(
    rows.map((row) => row[4]).toSorted(),
    ["100.50000000", "105.25000000", "110.00000000", "90.00000000"],
  );
  const later = get("klines", `symbol=BTCUSDT&interval=1s&startTime=${START_MS + 30_000}`) as string[][];
  assert.equal(later.length, 2);
});

Deno.test("a candle reaches its prices one after the other, and the book goes with them", async () => {
  const { clock, simulator, get } = await replay(["BTCUSDT_1m.csv", CANDLES]);
  const seen = [0, 15_000, 15_000, 15_000].map((ms) => {
    clock.advance(ms);
    return get("ticker/price", "symbol=BTCUSDT").price as string;
  });
  assert.deepEqual(seen, ["100.50000000", "90.00000000", "110.00000000", "105.25000000"]);
  const market = simulator.state.markets.get("BTCUSDT")!;
  assert.ok(bestPrice(market, "SELL")! < bestPrice(market, "BUY")!);
});

Deno.test("trades are replayed as they were, and files that overlap keep their distance", async () => {
  const trades = (at: number) =>
    `time,trade_id,price,qty,is_buyer_maker\n${at},1,50000.5,0.25,true\n${at + 500},2,50001,0.5,false\n`;
  const { clock, get } = await replay(
    ["BTCUSDT_trades.csv", trades(1_700_000_000_000)],
    ["ETHUSDT_trades.csv", trades(1_700_000_000_250)],
  );
  clock.advance(60_000);
  const [btc, eth] = ["BTCUSDT", "ETHUSDT"].map((symbol) => get("trades", `symbol=${symbol}`));
  assert.deepEqual(
    btc.map(({ price, qty, isBuyerMaker }: Record<string, unknown>) => [price, qty, isBuyerMaker]),
    [["50000.50000000", "0.25000000", true], ["50001.00000000", "0.50000000", false]],
  );
  assert.equal(eth[0].time - btc[0].time, 250);
});

Deno.test("order books are replayed level by level", async () => {
  const book = (E: number, price: string) =>
    JSON.stringify({ E, bids: [[price, "2.5"]], asks: [["60000", "1"]] });
  const text = `${book(1_700_000_000_000, "59990")}\n${book(1_700_000_010_000, "59995")}\n`;
  const { clock, get } = await replay(["BTCUSDT_book.ndjson", text]);
  clock.advance(60_000);
  const depth = get("depth", "symbol=BTCUSDT");
  assert.equal(depth.bids[0][0], "59995.00000000");
  assert.deepEqual(depth.asks, [["60000.00000000", "1.00000000"]]);
  assert.equal(get("ticker/price", "symbol=BTCUSDT").price, "59995.00000000");
});

for (
  const [what, name, text, words] of [
    ["of no symbol", "hello.csv", CANDLES, /begins with no symbol/],
    ["of no known kind", "BTCUSDT.csv", "a,b\n1,2\n", /first line is neither/],
    ["without rows", "BTCUSDT.csv", "open_time,open,high,low,close,volume\n", /no rows/],
    [
      "with a time that is none",
      "BTCUSDT.csv",
      CANDLES.replace("1700000100000", "soon"),
      /line 3: "soon,.*" is no row/,
    ],
    [
      "with a price that is none",
      "BTCUSDT.csv",
      CANDLES.replace("104.5,120", "104.5,-1"),
      /line 4: .* is no row/,
    ],
    [
      "with a trade that is cut off",
      "BTCUSDT.csv",
      "time,trade_id,price,qty,is_buyer_maker\n1700000000000,1,50000.5",
      /line 2: .* is no row/,
    ],
    ["with an offer that is none", "BTCUSDT.ndjson", '{"E":1,"bids":[["1","x"]],"asks":[]}\n', /is no offer/],
    ["with JSON that is none", "BTCUSDT.ndjson", "{bids}\n", /line 1/],
  ] as const
) {
  Deno.test(`a market file ${what} is refused in words`, async () => {
    await assert.rejects(replay([name, text]), (error: Error) => {
      assert.ok(error instanceof MarketFileError);
      assert.match(error.message, words);
      return true;
    });
  });
}

Deno.test("a synthetic market is the same for the same seed, and never crossed", () => {
  const run = (seed: number) => {
    const clock = new ManualClock(START_MS);
    const simulator = new Simulator(clock, seed);
    openMarkets(simulator.state, seed, clock.now());
    simulator.source = new SyntheticSource(simulator.state, seed, clock.now());
    const prices: bigint[] = [];
    for (let at = 0; at < 120; at++) {
      clock.advance(1_000);
      simulator.advance();
      for (const market of simulator.state.markets.values()) {
        assert.ok(bestPrice(market, "SELL")! < bestPrice(market, "BUY")!);
        prices.push(market.lastPrice);
      }
    }
    return prices;
  };
  assert.deepEqual(run(5), run(5));
  assert.notDeepEqual(run(5), run(6));
});

Deno.test("a market that slept for a day catches up at once", () => {
  const clock = new ManualClock(START_MS);
  const simulator = new Simulator(clock, 1);
  openMarkets(simulator.state, 1, clock.now());
  simulator.source = new SyntheticSource(simulator.state, 1, clock.now());
  clock.advance(86_400_000);
  simulator.advance();
  assert.ok(simulator.state.markets.get("BTCUSDT")!.nextTradeId < 1_000);
});

Deno.test({ name: "recorded candles, trades and books are played", ignore: !hasData }, async () => {
  const files = [
    "klines/BTCUSDT_1m_2025-01-30_2025-02-04.csv.gz",
    "klines/ETHUSDT_1m_2025-01-30_2025-02-04.csv.gz",
    "depth/NKNUSDT_spot_rest_snapshot_2021-10-12.json.gz",
  ];
  const { clock, get } = await replayFiles(files.map((file) => DATA + file));
  clock.advance(600_000);
  assert.match(get("ticker/price", "symbol=BTCUSDT").price, /^10\d{4}\./);
  assert.match(get("ticker/price", "symbol=ETHUSDT").price, /^3\d{3}\./);
  assert.equal(get("depth", "symbol=NKNUSDT&limit=5000").asks.length, 1_000);
  const books = await replayFiles([`${DATA}depth/BTCUSDT_spot_book20_derived_2025-12-07.ndjson.gz`]);
  books.clock.advance(300_000);
  assert.equal(books.get("depth", "symbol=BTCUSDT").bids.length, 20);
});
