import assert from "node:assert/strict";
import { MarketOptionError, parseMarketOption } from "./option.ts";

Deno.test("the kinds of market are understood", () => {
  assert.deepEqual(parseMarketOption("auto"), { kind: "auto" });
  assert.deepEqual(parseMarketOption("binance"), { kind: "binance" });
  assert.deepEqual(parseMarketOption("simulator:http://127.0.0.1:54380/"), {
    kind: "simulator",
    url: "http://127.0.0.1:54380",
  });
  assert.deepEqual(parseMarketOption("synthetic:42"), { kind: "synthetic", seed: 42 });
  assert.deepEqual(parseMarketOption("replay:a/BTCUSDT_1m_2021.csv.gz"), {
    kind: "replay",
    files: [{ kind: "klines", path: "a/BTCUSDT_1m_2021.csv.gz", symbol: "BTCUSDT" }],
  });
});

Deno.test("a replay takes several files: candles, archive names, trades, and a symbol given by hand", () => {
  const option = parseMarketOption(
    "replay:ETHUSDT-1m-2024-01.csv,x/XRPETH_trades_2019.csv.gz,SOLUSDT=/tmp/my.csv",
  );
  assert.deepEqual(option, {
    kind: "replay",
    files: [
      { kind: "klines", path: "ETHUSDT-1m-2024-01.csv", symbol: "ETHUSDT" },
      { kind: "trades", path: "x/XRPETH_trades_2019.csv.gz", symbol: "XRPETH" },
      { kind: "klines", path: "/tmp/my.csv", symbol: "SOLUSDT" },
    ],
  });
});

const mistakes: readonly [text: string, message: RegExp][] = [
  ["", /is not known; it is auto, binance, replay:FILE\[,FILE…\], simulator:URL or synthetic:SEED/],
  ["Binance", /"Binance" is not known/],
  ["auto:1", /auto takes nothing after it/],
  ["replay", /needs at least one file/],
  ["replay:,", /needs at least one file/],
  [
    "replay:my.csv",
    /no symbol in the file name my\.csv; name it SYMBOL_1m_….csv\.gz or write SYMBOL=my\.csv/,
  ],
  ["replay:NOSUCH_1m_x.csv", /NOSUCH is no symbol of the form BASEQUOTE/],
  ["simulator", /needs the URL that `deno task simulator` prints, not ""/],
  ["simulator:54380", /needs the URL/],
  ["simulator:http://127.0.0.1:54380/api/v3", /needs the URL/],
  ["synthetic", /needs a seed from 0 to 4294967295/],
  ["synthetic:x", /not "x"/],
  ["synthetic:-1", /not "-1"/],
  ["synthetic:4294967296", /not "4294967296"/],
];

for (const [text, message] of mistakes) {
  Deno.test(`the option ${JSON.stringify(text)} is refused with what would be right`, () => {
    assert.throws(() => parseMarketOption(text), (error: unknown) => {
      assert.ok(error instanceof MarketOptionError);
      assert.match(error.message, message);
      return true;
    });
  });
}
