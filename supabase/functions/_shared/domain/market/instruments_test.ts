import assert from "node:assert/strict";
import { instrumentFor, knownSymbols, splitSymbol } from "./instruments.ts";

Deno.test("common pairs have their own tick and step without any data", () => {
  const btc = instrumentFor("BTCUSDT");
  assert.deepEqual([btc.tickSize, btc.lotStep, btc.minNotional], ["0.01", "0.00001", "5"]);
  assert.deepEqual([btc.baseAsset, btc.quoteAsset], ["BTC", "USDT"]);
  assert.ok(knownSymbols().length >= 12);
});

Deno.test("data finer than the common tick makes the tick finer, coarser data changes nothing", () => {
  assert.equal(instrumentFor("BNBUSDT", { priceDecimals: 2, quantityDecimals: 3 }).tickSize, "0.01");
  assert.equal(instrumentFor("BTCUSDT", { priceDecimals: 0, quantityDecimals: 0 }).tickSize, "0.01");
});

Deno.test("an unknown symbol takes tick and step from the finest decimals of its data", () => {
  const made = instrumentFor("WXYZETH", { priceDecimals: 6, quantityDecimals: 0 });
  assert.deepEqual([made.tickSize, made.lotStep, made.lotMin], ["0.000001", "1", "1"]);
  assert.deepEqual([made.baseAsset, made.quoteAsset], ["WXYZ", "ETH"]);
});

Deno.test("an unknown symbol without data is refused with the ones that are known", () => {
  assert.throws(() => instrumentFor("WXYZUSDT"), /WXYZUSDT is not among the known instruments \(BTCUSDT/);
});

Deno.test("a symbol is split at its quote asset, the longest first", () => {
  assert.deepEqual(splitSymbol("BTCFDUSD"), { baseAsset: "BTC", quoteAsset: "FDUSD" });
  for (const symbol of ["USDT", "BTCXXX", "btcusdt", ""]) {
    assert.throws(() => splitSymbol(symbol), RangeError);
  }
});
