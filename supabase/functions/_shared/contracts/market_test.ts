import assert from "node:assert/strict";
import { BookTickers, DepthAnswer, ExchangeInfo, Klines, ServerTime } from "./market.ts";

const RECORDED = new URL("../../../../../shared/data/binance-rest/", import.meta.url);

/** The recorded answers whose names begin so; none where the data folder is absent. */
function recorded(prefix: string): string[] {
  try {
    return [...Deno.readDirSync(RECORDED)].map((entry) => entry.name)
      .filter((name) => name.startsWith(prefix) && name.endsWith(".json")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function read(name: string): unknown {
  const body = JSON.parse(Deno.readTextFileSync(new URL(name, RECORDED)));
  return body.result ?? body;
}

const shapes = [
  ["exchangeInfo", ExchangeInfo],
  ["ticker-bookTicker", BookTickers],
  ["depth", DepthAnswer],
  ["klines", Klines],
  ["time", ServerTime],
] as const;

for (const [prefix, schema] of shapes) {
  const names = recorded(prefix);
  Deno.test({
    name: `every recorded ${prefix} answer has the expected shape${
      names.length ? "" : " (skipped: no recorded data)"
    }`,
    ignore: names.length === 0,
    fn() {
      for (const name of names) {
        const result = schema.safeParse(read(name));
        assert.ok(result.success, `${name}: ${result.error}`);
      }
    },
  });
}

const symbol = {
  symbol: "BTCUSDT",
  status: "TRADING",
  baseAsset: "BTC",
  quoteAsset: "USDT",
  baseCommissionPrecision: 8,
  quoteCommissionPrecision: 8,
  orderTypes: ["LIMIT", "A_TYPE_OF_TOMORROW"],
  isSpotTradingAllowed: true,
  filters: [
    {
      filterType: "PRICE_FILTER",
      minPrice: "0.01000000",
      maxPrice: "1000000.00000000",
      tickSize: "0.01000000",
    },
    { filterType: "A_FILTER_OF_TOMORROW", anything: { at: ["all"] } },
  ],
  permissionSets: [["SPOT"]],
};

Deno.test("fields, filters, order types and statuses of tomorrow pass", () => {
  const info = ExchangeInfo.parse({
    serverTime: 1,
    symbols: [{ ...symbol, status: "ASLEEP", newField: 1 }],
    newList: [],
  });
  assert.equal(info.symbols[0]!.status, "UNKNOWN");
  assert.equal(info.symbols[0]!.filters.PRICE_FILTER!.tickSize, "0.01");
});

Deno.test("a known filter with a broken field is refused, not taken for an unknown one", () => {
  const filters = [{ filterType: "PRICE_FILTER", minPrice: "0.01", maxPrice: "1", tickSize: 0.01 }];
  const result = ExchangeInfo.safeParse({ serverTime: 1, symbols: [{ ...symbol, filters }] });
  assert.equal(result.success, false);
  assert.match(String(result.error), /PRICE_FILTER/);
});

Deno.test("a price that comes as a JSON number, with a sign or an exponent is refused", () => {
  for (const bidPrice of [1.5, "-1", "1e5", "", null]) {
    const body = { symbol: "BTCUSDT", bidPrice, bidQty: "1", askPrice: "2", askQty: "1" };
    assert.equal(BookTickers.safeParse([body]).success, false, String(bidPrice));
  }
});

Deno.test("prices are made canonical, and one book ticker is a list of one", () => {
  const body = {
    symbol: "BTCUSDT",
    bidPrice: "60741.67000000",
    bidQty: "0.36580000",
    askPrice: "60741.7",
    askQty: "1",
  };
  const [ticker] = BookTickers.parse(body);
  assert.deepEqual([ticker!.bidPrice, ticker!.bidQty], ["60741.67", "0.3658"]);
});

Deno.test("a kline row keeps what is used of its twelve fields, and a short row is refused", () => {
  const row = [1634943780000, "1.50", "2.0", "1", "1.7", "21.6", 1634943839999, "1", 617, "1", "1", "0"];
  assert.deepEqual(Klines.parse([row])[0], {
    openTime: 1634943780000,
    open: "1.5",
    high: "2",
    low: "1",
    close: "1.7",
    volume: "21.6",
    closeTime: 1634943839999,
  });
  assert.equal(Klines.safeParse([row.slice(0, 5)]).success, false);
});
