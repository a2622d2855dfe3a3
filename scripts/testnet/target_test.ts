import assert from "node:assert/strict";
import { type Flags, type Place, PLACES, targetOf, UnusableError } from "./target.ts";

const FLAGS: Flags = { environment: "testnet", max: 40, symbol: "BTCUSDT", json: false, isForUid: false };
const URLS: Readonly<Record<Place, string>> = {
  testnet: "https://testnet.binance.vision",
  demo: "https://demo-api.binance.com",
  production: "https://api.binance.com",
};

Deno.test("each place has keys and an address of its own", () => {
  for (const environment of Object.keys(PLACES) as Place[]) {
    const { prefix } = PLACES[environment];
    const keys = { [`${prefix}_KEY`]: "public", [`${prefix}_SECRET`]: "hidden" };
    const target = targetOf({ ...FLAGS, environment }, keys);
    assert.deepEqual([target.environment, target.url], [environment, URLS[environment]]);
    assert.deepEqual(target.key, { apiKey: "public", secret: "hidden" });
    const elsewhere = targetOf({ ...FLAGS, environment }, {
      ...keys,
      [target.urlVariable]: "http://127.0.0.1:54380",
    });
    assert.equal(elsewhere.url, "http://127.0.0.1:54380");
  }
});

Deno.test("a missing key is asked for by its names, and another place's key is not taken for it", () => {
  const others = { BINANCE_KEY: "public", BINANCE_SECRET: "hidden", BINANCE_DEMO_KEY: "half" };
  assert.throws(() => targetOf({ ...FLAGS, environment: "demo" }, others), (error: Error) => {
    assert.ok(error instanceof UnusableError);
    assert.match(
      error.message,
      /set BINANCE_DEMO_KEY and BINANCE_DEMO_SECRET to a Spot key of demo\.binance\.com/,
    );
    return true;
  });
});

Deno.test("an address that is none is named by its variable, without its value", () => {
  const variables = {
    BINANCE_TESTNET_KEY: "a",
    BINANCE_TESTNET_SECRET: "b",
    BINANCE_TESTNET_URL: "ftp://hunter2",
  };
  assert.throws(() => targetOf(FLAGS, variables), (error: Error) => {
    assert.ok(error instanceof UnusableError);
    assert.match(error.message, /BINANCE_TESTNET_URL\. Nothing was started\.$/);
    return !error.message.includes("hunter2");
  });
});
