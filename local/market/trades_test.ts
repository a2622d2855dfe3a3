import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import { collect, recordedPath, testWithRecorded, withDirectory, writeLines } from "./testing.ts";
import { openTrades, readTrades } from "./trades.ts";

const HEADER = "time,trade_id,price,qty,is_buyer_maker";

async function open(lines: readonly string[]) {
  return await withDirectory(async (directory) => {
    const path = await writeLines(directory, "BTCUSDT_trades_x.csv", lines);
    const replay = await openTrades({ path, symbol: "BTCUSDT" }, 1);
    return { tradeCount: replay.tradeCount, ticks: await collect(replay.ticks()) };
  });
}

Deno.test("trades of one millisecond are one tick with their extremes and the last price", async () => {
  const { ticks, tradeCount } = await open([
    HEADER,
    "1610064000278,1,100.5,1,true",
    "1610064000278,2,100.1,1,true",
    "1610064000278,3,100.3,1,true",
    "1610064000310,4,100.4,2,false",
  ]);
  assert.deepEqual([tradeCount, ticks.length], [4, 2]);
  const [first, second] = ticks.map((tick) => tick.quotes[0]!);
  assert.deepEqual([first!.last, first!.high, first!.low], ["100.3", "100.5", "100.1"]);
  assert.deepEqual([second!.last, second!.high, second!.low], ["100.4", "100.4", "100.4"]);
});

Deno.test("a seller hits the bid and a buyer the ask, whichever column says so", async () => {
  const { ticks } = await open([HEADER, "1,1,100,1,true", "2,2,200,1,false"]);
  assert.equal(ticks[0]!.quotes[0]!.bid, "100");
  assert.equal(ticks[1]!.quotes[0]!.ask, "200");
  const taker = await open(["time,taker_side,price,qty", "1,sell,100,1", "2,buy,200,1"]);
  assert.equal(taker.ticks[0]!.quotes[0]!.bid, "100");
  assert.equal(taker.ticks[1]!.quotes[0]!.ask, "200");
});

Deno.test("faults name file and line", async () => {
  const faults: readonly [lines: string[], message: RegExp][] = [
    [["time,price,qty", "1,1,1"], /:1: the header lacks is_buyer_maker or taker_side/],
    [[HEADER, "2,1,100,1,true", "1,2,100,1,true"], /:3: time 1 lies before 2/],
    [[HEADER, "1,1,0,1,true"], /:2: price is "0"/],
    [[HEADER, "1,1,100,-1,true"], /:2: qty is "-1"/],
    [[HEADER, "1,1,100,1,maybe"], /:2: is_buyer_maker is "maybe"/],
    [[HEADER, "soon,1,100,1,true"], /:2: time is "soon"/],
    [[HEADER], /has no trades/],
  ];
  for (const [lines, message] of faults) await assert.rejects(open(lines), message);
});

const RECORDED = "trades/BTCUSDT_trades_2021-01-08.csv.gz";

testWithRecorded(
  "46 seconds of recorded trades replay to their extremes without losing one",
  [RECORDED],
  async () => {
    const file = { path: recordedPath(RECORDED), symbol: "BTCUSDT" };
    const trades = await collect(readTrades(file));
    const replay = await openTrades(file, 1);
    const quotes = (await collect(replay.ticks())).flatMap((tick) => tick.quotes);
    assert.equal(replay.tradeCount, 2_001);
    assert.equal(quotes.length, new Set(trades.map((trade) => trade.time)).size);
    assert.equal(Decimal.min(...quotes.map((quote) => quote.low)).toString(), "39430.3");
    assert.equal(Decimal.max(...quotes.map((quote) => quote.high)).toString(), "39550");
  },
);
