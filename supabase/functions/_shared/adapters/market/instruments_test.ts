import assert from "node:assert/strict";
import { instrumentsFrom } from "./instruments.ts";

const LOT = { filterType: "LOT_SIZE", minQty: "0.00001000", maxQty: "9000.00000000", stepSize: "0.00001000" };
const PRICE = {
  filterType: "PRICE_FILTER",
  minPrice: "0.01000000",
  maxPrice: "1000000.0",
  tickSize: "0.01000000",
};

function answer(filters: object[], more: object = {}) {
  const symbol = {
    symbol: "BTCUSDT",
    status: "TRADING",
    baseAsset: "BTC",
    quoteAsset: "USDT",
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ["LIMIT", "MARKET"],
    isSpotTradingAllowed: true,
    filters,
    ...more,
  };
  return { serverTime: 1, symbols: [symbol] };
}

function only(body: unknown) {
  const { instruments, unusable } = instrumentsFrom(body);
  assert.deepEqual([instruments.length, unusable.length], [1, 0]);
  return instruments[0]!;
}

Deno.test("today's filters are read", () => {
  const instrument = only(answer([
    PRICE,
    LOT,
    { filterType: "MARKET_LOT_SIZE", minQty: "0.00000000", maxQty: "97.92836420", stepSize: "0.00000000" },
    {
      filterType: "NOTIONAL",
      minNotional: "5.00000000",
      applyMinToMarket: true,
      maxNotional: "9000000.00000000",
      applyMaxToMarket: false,
      avgPriceMins: 5,
    },
    {
      filterType: "PERCENT_PRICE_BY_SIDE",
      bidMultiplierUp: "5",
      bidMultiplierDown: "0.2",
      askMultiplierUp: "4",
      askMultiplierDown: "0.3",
      avgPriceMins: 5,
    },
    { filterType: "MAX_NUM_ORDERS", maxNumOrders: 200 },
    { filterType: "MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: 5 },
  ], { permissionSets: [["SPOT", "MARGIN"], ["TRD_GRP_004"]] }));
  assert.deepEqual(instrument, {
    symbol: "BTCUSDT",
    status: "TRADING",
    baseAsset: "BTC",
    quoteAsset: "USDT",
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    tickSize: "0.01",
    minPrice: "0.01",
    maxPrice: "1000000",
    lotMin: "0.00001",
    lotMax: "9000",
    lotStep: "0.00001",
    marketLotMin: "0",
    marketLotMax: "97.9283642",
    marketLotStep: "0",
    minNotional: "5",
    applyMinToMarket: true,
    maxNotional: "9000000",
    applyMaxToMarket: false,
    percentPrice: {
      bidMultiplierUp: "5",
      bidMultiplierDown: "0.2",
      askMultiplierUp: "4",
      askMultiplierDown: "0.3",
      avgPriceMins: 5,
    },
    maxNumOrders: 200,
    maxNumAlgoOrders: 5,
    orderTypes: ["LIMIT", "MARKET"],
    isSpotTradingAllowed: true,
    permissionSets: [["SPOT", "MARGIN"], ["TRD_GRP_004"]],
  });
});

Deno.test("the filters of 2021 mean the same: PERCENT_PRICE on both sides, MIN_NOTIONAL without a maximum", () => {
  const instrument = only(answer([
    PRICE,
    LOT,
    { filterType: "PERCENT_PRICE", multiplierUp: "5", multiplierDown: "0.2", avgPriceMins: 5 },
    { filterType: "MIN_NOTIONAL", minNotional: "10.00000000", applyToMarket: true, avgPriceMins: 5 },
  ], { permissions: ["SPOT", "MARGIN"] }));
  assert.deepEqual(instrument.percentPrice, {
    bidMultiplierUp: "5",
    bidMultiplierDown: "0.2",
    askMultiplierUp: "5",
    askMultiplierDown: "0.2",
    avgPriceMins: 5,
  });
  assert.deepEqual([instrument.minNotional, instrument.applyMinToMarket, instrument.maxNotional], [
    "10",
    true,
    null,
  ]);
  assert.deepEqual(instrument.permissionSets, [["SPOT", "MARGIN"]]);
});

Deno.test("rules that the exchange does not send are off or null, never guessed", () => {
  const instrument = only(answer([PRICE, LOT]));
  assert.deepEqual([instrument.marketLotMax, instrument.minNotional, instrument.maxNotional], [
    "0",
    "0",
    null,
  ]);
  assert.deepEqual([instrument.percentPrice, instrument.maxNumOrders, instrument.maxNumAlgoOrders], [
    null,
    null,
    null,
  ]);
  assert.deepEqual(instrument.permissionSets, []);
});

Deno.test("a symbol without price or lot filter is unusable, and said to be", () => {
  assert.deepEqual(instrumentsFrom(answer([LOT])), {
    instruments: [],
    unusable: [{ symbol: "BTCUSDT", missing: ["PRICE_FILTER"] }],
  });
});

Deno.test("an answer that is not exchangeInfo throws", () => {
  assert.throws(() => instrumentsFrom({ code: -1121, msg: "Invalid symbol." }), { name: "ZodError" });
});
