import assert from "node:assert/strict";
import { parseEnvironment, parseVenueUrls } from "./environment.ts";

const GOOD = {
  SUPABASE_URL: "http://127.0.0.1:54321/",
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_a"}',
  SUPABASE_DB_URL: "postgres://localhost/postgres",
  FILLBASE_INSTALLATION_SECRET: "0123456789abcdef0123456789abcdef",
};

Deno.test("a whole environment is parsed, its URL without a trailing slash", () => {
  const parsed = parseEnvironment(GOOD);
  assert.equal(parsed.url, "http://127.0.0.1:54321");
  assert.deepEqual(parsed.secretKeys, { default: "sb_secret_a" });
});

Deno.test("without an installation secret the engine is asked with an empty one, and will refuse", () => {
  const { FILLBASE_INSTALLATION_SECRET: _, ...unarmed } = GOOD;
  assert.equal(parseEnvironment(unarmed).installationSecret, "");
});

Deno.test("a malformed environment names the variables and shows no value", () => {
  const bad = { ...GOOD, SUPABASE_SECRET_KEYS: "sb_secret_a", SUPABASE_URL: "here" };
  assert.throws(() => parseEnvironment(bad), (error: Error) => {
    assert.match(error.message, /SUPABASE_URL/);
    assert.match(error.message, /SUPABASE_SECRET_KEYS/);
    assert.doesNotMatch(error.message, /sb_secret_a|here/);
    return true;
  });
});

Deno.test("orders go to the exchange itself unless a variable says otherwise", () => {
  assert.deepEqual(parseVenueUrls({}), {
    simulator: "http://127.0.0.1:54380",
    testnet: "https://testnet.binance.vision",
    demo: "https://demo-api.binance.com",
    production: "https://api.binance.com",
  });
  const variables = {
    BINANCE_PRODUCTION_URL: "https://proxy.test/binance/",
    BINANCE_TESTNET_URL: "http://127.0.0.1:54380",
    BINANCE_DEMO_URL: "https://proxy.test/demo",
    BINANCE_SIMULATOR_URL: "http://127.0.0.1:1234",
  };
  assert.deepEqual(parseVenueUrls(variables), {
    simulator: "http://127.0.0.1:1234",
    testnet: "http://127.0.0.1:54380",
    demo: "https://proxy.test/demo",
    production: "https://proxy.test/binance",
  });
});

Deno.test("an address that is not a plain http(s) URL is refused by its name alone", () => {
  for (
    const url of [
      "",
      "api.binance.com",
      "ftp://x.test",
      "https://me:hunter2@x.test",
      "https://x.test/?a=hunter2",
      "https://x.test/#hunter2",
    ]
  ) {
    assert.throws(() => parseVenueUrls({ BINANCE_TESTNET_URL: url }), (error: Error) => {
      assert.match(error.message, /BINANCE_TESTNET_URL/);
      return !error.message.includes("hunter2");
    });
  }
});
