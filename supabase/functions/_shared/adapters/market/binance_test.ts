import assert from "node:assert/strict";
import { MarketError } from "../../ports/market.ts";
import { BinanceMarket, type BinanceMarketOptions, pollWeight } from "./binance.ts";
import {
  bookRow,
  type FakeBinance,
  html,
  json,
  klineRow,
  stalled,
  startFakeBinance,
} from "./fake_binance.ts";
import { HOST_REST_MS } from "./hosts.ts";

const T0 = 1_700_000_000_000;

interface Bench {
  readonly main: FakeBinance;
  readonly data: FakeBinance;
  readonly market: BinanceMarket;
  readonly clock: { now: number };
  readonly lines: string[];
}

/** Runs `use` with a market whose two hosts are stand-ins which answer well. */
async function withMarket(
  use: (bench: Bench) => Promise<void>,
  options: Partial<BinanceMarketOptions> = {},
): Promise<void> {
  const clock = { now: T0 };
  const lines: string[] = [];
  const [main, data] = [startFakeBinance(goodAnswers()), startFakeBinance(goodAnswers())];
  const market = new BinanceMarket({
    now: () => clock.now,
    hosts: [{ source: "binance", url: main.url }, { source: "binance-data", url: data.url }],
    timeoutMs: 2_000,
    log: (line) => lines.push(line),
    ...options,
  });
  try {
    await use({ main, data, market, clock, lines });
  } finally {
    await Promise.all([main.stop(), data.stop()]);
  }
}

function goodAnswers(): FakeBinance["answers"] {
  return {
    "ticker/bookTicker": (url) => {
      const rows = [bookRow("BTCUSDT", "60741.67", "60741.68"), bookRow("ETHUSDT", "4000.1", "4000.2")];
      return json(rows.filter((row) => url.searchParams.get("symbols")!.includes(row.symbol)));
    },
    "klines": (url) =>
      json(
        url.searchParams.get("symbol") === "BTCUSDT"
          ? [klineRow(T0 - 1_000, "60500", "60800", "60741.67"), klineRow(T0, "60740", "60742", "60741.5")]
          : [klineRow(T0, "3999", "4001", "4000.15")],
      ),
    "depth": () => json({ lastUpdateId: 7, bids: [["60741.67", "1.0"]], asks: [["60741.68", "2.50"]] }),
  };
}

function kindOf(kind: MarketError["kind"], message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MarketError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  };
}

const BOTH = ["BTCUSDT", "ETHUSDT"];

Deno.test("a first poll gives the book and the last price, one question a symbol and one for all", async () => {
  await withMarket(async ({ market, main, data }) => {
    const [btc, eth] = await market.quotes(BOTH);
    assert.deepEqual(btc, {
      symbol: "BTCUSDT",
      bid: "60741.67",
      bidQty: "0.3658",
      ask: "60741.68",
      askQty: "0.45178",
      last: "60741.5",
      high: "60741.5",
      low: "60741.5",
      observedAt: T0,
      source: "binance",
    });
    assert.equal(eth!.last, "4000.15");
    assert.deepEqual(main.requests.map((url) => url.pathname).sort(), [
      "/api/v3/klines",
      "/api/v3/klines",
      "/api/v3/ticker/bookTicker",
    ]);
    assert.equal(main.requests[0]!.searchParams.get("symbols"), '["BTCUSDT","ETHUSDT"]');
    assert.equal(data.requests.length, 0);
    assert.equal(pollWeight(2), 8);
  });
});

Deno.test("a second poll carries the extremes traded since the first", async () => {
  await withMarket(async ({ market, main, clock }) => {
    await market.quotes(["BTCUSDT"]);
    clock.now = T0 + 2_000;
    const [btc] = await market.quotes(["BTCUSDT"]);
    assert.deepEqual([btc!.high, btc!.low], ["60800", "60500"]);
    const asked = main.requests.findLast((url) => url.pathname === "/api/v3/klines")!.searchParams;
    assert.deepEqual([asked.get("interval"), asked.get("startTime")], ["1s", String(T0)]);
  });
});

Deno.test("a source without memory goes by the time the caller gives", async () => {
  await withMarket(async ({ market, main }) => {
    const [btc] = await market.quotes(["BTCUSDT"], new Map([["BTCUSDT", T0 - 5_250]]));
    assert.deepEqual([btc!.high, btc!.low], ["60800", "60500"]);
    const asked = main.requests.at(-1)!.searchParams;
    assert.equal(asked.get("startTime"), String(T0 - 6_000));
  });
});

Deno.test("the caller's last quote counts before the source's own memory: another worker may have polled since", async () => {
  await withMarket(async ({ market, main }) => {
    await market.quotes(["BTCUSDT"]);
    await market.quotes(["BTCUSDT"], new Map([["BTCUSDT", T0 + 9_000]]));
    assert.equal(main.requests.at(-1)!.searchParams.get("startTime"), String(T0 + 9_000));
  });
});

Deno.test("when nothing is listed since the last poll, the newest candle still gives the last price", async () => {
  await withMarket(async ({ market, main }) => {
    main.answers["klines"] = (url) =>
      json(url.searchParams.has("startTime") ? [] : [klineRow(T0, "60740", "60742", "60741.5")]);
    const [btc] = await market.quotes(["BTCUSDT"], new Map([["BTCUSDT", T0 + 3_000]]));
    assert.deepEqual([btc!.last, btc!.high, btc!.low], ["60741.5", "60741.5", "60741.5"]);
  });
});

const outages: Record<string, () => Response> = {
  "answers 503": () => html(503),
  "is blocked in this country (451)": () => html(451),
  "answers a page of HTML": () => html(200),
  "answers JSON of another shape": () => json([{ symbol: "BTCUSDT", bidPrice: 1.5 }]),
  "answers a server error of its own": () => json({ code: -1001, msg: "Internal error" }, 500),
  "redirects elsewhere": () =>
    new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
};

for (const [what, answer] of Object.entries(outages)) {
  Deno.test(`the data host answers, and is named as source, when the main host ${what}`, async () => {
    await withMarket(async ({ market, main }) => {
      main.answers["ticker/bookTicker"] = answer;
      const [btc] = await market.quotes(["BTCUSDT"]);
      assert.equal(btc!.source, "binance-data");
    });
  });
}

Deno.test("a redirect is not followed: it leads to somebody who is not Binance", async () => {
  await withMarket(async ({ market, main }) => {
    const elsewhere = startFakeBinance({
      "ticker/bookTicker": () => json([bookRow("BTCUSDT", "1.00", "2.00")]),
    });
    main.answers["ticker/bookTicker"] = (url) => Response.redirect(elsewhere.url + url.pathname, 302);
    const [btc] = await market.quotes(["BTCUSDT"]).finally(() => elsewhere.stop());
    assert.deepEqual([btc!.source, btc!.bid], ["binance-data", "60741.67"]);
  });
});

Deno.test("an answer whose body stalls is given up at the deadline and the data host answers", async () => {
  await withMarket(async ({ market, main }) => {
    main.answers["ticker/bookTicker"] = stalled;
    const started = performance.now();
    const [btc] = await market.quotes(["BTCUSDT"]);
    assert.equal(btc!.source, "binance-data");
    assert.ok(performance.now() - started < 2_000);
  }, { timeoutMs: 300 });
});

Deno.test("a host that nobody serves is passed over", async () => {
  await withMarket(async ({ data }) => {
    const hosts = [{ source: "binance", url: "http://127.0.0.1:1" }, {
      source: "binance-data",
      url: data.url,
    }] as const;
    const [btc] = await new BinanceMarket({ now: () => T0, hosts, timeoutMs: 2_000 }).quotes(["BTCUSDT"]);
    assert.equal(btc!.source, "binance-data");
  });
});

Deno.test("a host that failed is asked again only after its rest", async () => {
  await withMarket(async ({ market, main, clock }) => {
    main.answers["ticker/bookTicker"] = () => html(503);
    await market.quotes(["BTCUSDT"]);
    main.answers = goodAnswers();
    const asked = main.requests.length;
    clock.now += HOST_REST_MS - 1;
    assert.equal((await market.quotes(["BTCUSDT"]))[0]!.source, "binance-data");
    assert.equal(main.requests.length, asked);
    clock.now += 1;
    assert.equal((await market.quotes(["BTCUSDT"]))[0]!.source, "binance");
  });
});

Deno.test("when all hosts have failed all are asked again, and one that recovers is preferred to one that did not", async () => {
  await withMarket(async ({ market, main, data }) => {
    main.answers["ticker/bookTicker"] = data.answers["ticker/bookTicker"] = () => html(503);
    await assert.rejects(market.quotes(["BTCUSDT"]), kindOf("unreachable"));
    data.answers = goodAnswers();
    assert.equal((await market.quotes(["BTCUSDT"]))[0]!.source, "binance-data");
    const asked = main.requests.length;
    assert.equal((await market.quotes(["BTCUSDT"]))[0]!.source, "binance-data");
    assert.equal(main.requests.length, asked);
  });
});

Deno.test("when no host answers the error says unreachable and names the last host", async () => {
  await withMarket(async ({ market, main, data }) => {
    main.answers["ticker/bookTicker"] = data.answers["ticker/bookTicker"] = () => html(502);
    const last = new RegExp(`book ticker at ${data.url}`);
    await assert.rejects(market.quotes(["BTCUSDT"]), kindOf("unreachable", last));
  });
});

for (const status of [429, 418]) {
  Deno.test(`after HTTP ${status} nothing is asked anywhere until Retry-After has passed`, async () => {
    await withMarket(async ({ market, main, data, clock }) => {
      main.answers["ticker/bookTicker"] = () =>
        json({ code: -1003, msg: "Too many." }, status, { "retry-after": "7" });
      await assert.rejects(market.quotes(["BTCUSDT"]), (error: unknown) => {
        kindOf("limited")(error);
        assert.equal((error as MarketError).retryAfterMs, 7_000);
        return true;
      });
      main.answers = goodAnswers();
      assert.equal(market.silentMs(), 7_000);
      clock.now += 6_000;
      await assert.rejects(market.quotes(["BTCUSDT"]), kindOf("limited", /silent for 1 s more/));
      assert.deepEqual([main.requests.length, data.requests.length], [1, 0]);
      clock.now += 1_000;
      assert.equal((await market.quotes(["BTCUSDT"])).length, 1);
      assert.equal(market.silentMs(), 0);
    });
  });
}

Deno.test("a refusal by the exchange is final: the other host is not asked", async () => {
  await withMarket(async ({ market, main, data }) => {
    main.answers["ticker/bookTicker"] = () => json({ code: -1121, msg: "Invalid symbol." }, 400);
    await assert.rejects(market.quotes(["NOSUCH"]), kindOf("rejected", /Invalid symbol/));
    assert.equal(data.requests.length, 0);
  });
});

Deno.test("a symbol without bid or ask is left out, and said", async () => {
  await withMarket(async ({ market, main, lines }) => {
    main.answers["ticker/bookTicker"] = () =>
      json([bookRow("BTCUSDT", "0.00000000", "0.00000000"), bookRow("ETHUSDT", "4000.1", "4000.2")]);
    assert.deepEqual((await market.quotes(BOTH)).map((quote) => quote.symbol), ["ETHUSDT"]);
    assert.match(lines.join(), /BTCUSDT is left out: no bid or no ask/);
  });
});

Deno.test("one symbol whose trades cannot be read does not cost the others their quotes", async () => {
  await withMarket(async ({ market, main, lines }) => {
    const good = main.answers["klines"]!;
    main.answers["klines"] = (url) =>
      url.searchParams.get("symbol") === "BTCUSDT"
        ? json({ code: -1120, msg: "Invalid interval." }, 400)
        : good(url);
    assert.deepEqual((await market.quotes(BOTH)).map((quote) => quote.symbol), ["ETHUSDT"]);
    assert.match(lines.join(), /BTCUSDT is left out: klines of BTCUSDT .* was refused/);
  });
});

Deno.test("when no symbol's trades can be read the poll fails", async () => {
  await withMarket(async ({ market, main }) => {
    main.answers["klines"] = () => json({ code: -1120, msg: "Invalid interval." }, 400);
    await assert.rejects(market.quotes(BOTH), kindOf("rejected"));
  });
});

Deno.test("depth comes on demand with canonical numbers", async () => {
  await withMarket(async ({ market, main }) => {
    assert.deepEqual(await market.depth("BTCUSDT", 5), {
      bids: [["60741.67", "1"]],
      asks: [["60741.68", "2.5"]],
    });
    assert.equal(main.requests[0]!.searchParams.get("limit"), "5");
    await assert.rejects(market.depth("BTCUSDT", 0), RangeError);
  });
});

Deno.test("instruments come from exchangeInfo, and symbols with unusable filters are said to be left out", async () => {
  await withMarket(async ({ market, main, lines }) => {
    const symbol = {
      status: "TRADING",
      quoteAsset: "USDT",
      baseCommissionPrecision: 8,
      quoteCommissionPrecision: 8,
      orderTypes: ["LIMIT"],
      isSpotTradingAllowed: true,
    };
    const filters = [
      { filterType: "PRICE_FILTER", minPrice: "0.01", maxPrice: "1000000", tickSize: "0.01" },
      { filterType: "LOT_SIZE", minQty: "0.00001", maxQty: "9000", stepSize: "0.00001" },
    ];
    main.answers["exchangeInfo"] = () =>
      json({
        serverTime: T0,
        symbols: [
          { ...symbol, symbol: "BTCUSDT", baseAsset: "BTC", filters },
          { ...symbol, symbol: "ODDUSDT", baseAsset: "ODD", filters: [] },
        ],
      });
    const instruments = await market.instruments(["BTCUSDT", "ODDUSDT"]);
    assert.deepEqual(instruments.map((each) => each.symbol), ["BTCUSDT"]);
    assert.match(lines.join(), /ODDUSDT is left out: the exchange sends no PRICE_FILTER and no LOT_SIZE/);
    assert.equal(main.requests[0]!.searchParams.get("symbols"), '["BTCUSDT","ODDUSDT"]');
  });
});

Deno.test("no symbols cost no question, and too many are refused", async () => {
  await withMarket(async ({ market, main }) => {
    assert.deepEqual(await market.quotes([]), []);
    const many = Array.from({ length: 101 }, (_, index) => `S${index}USDT`);
    await assert.rejects(market.quotes(many), RangeError);
    assert.equal(main.requests.length, 0);
  });
});

Deno.test("CCXT is imported by its client alone, which is loaded on first use", async () => {
  const here = new URL("./", import.meta.url);
  for await (const { name } of Deno.readDir(here)) {
    if (!name.endsWith(".ts") || name.endsWith("_test.ts") || name === "ccxt_client.ts") continue;
    const source = await Deno.readTextFile(new URL(name, here));
    assert.doesNotMatch(source, /^import (?!type)[^;]*from "(ccxt|\.\/ccxt_client\.ts)"/m, name);
  }
});
