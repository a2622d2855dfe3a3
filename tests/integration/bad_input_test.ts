import assert from "node:assert/strict";
import type { Limits, TraderSettings } from "../../scripts/lib/desk.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

const GOOD = { stopLoss: 49000, takeProfit: [52000] };
const DIGITS_40 = "49000.1234567890123456789012345678901234567890";

let floor: Floor;
let alice: FloorUser;

Deno.test.beforeAll(async () => {
  floor = await openFloor();
  alice = await floor.user("alice");
  await floor.list({ ...instrumentFor("DOGEUSDT"), status: "BREAK" });
  for (const symbol of ["BTCUSDT", "DOGEUSDT", "ETHBTC"]) {
    await floor.price(symbol, { bid: "50000", ask: "50001" });
  }
});
Deno.test.afterAll(() => floor.stop());

/** A decision that cannot be executed, and the code its signal must carry. */
interface BadDecision {
  readonly what: string;
  readonly code: string;
  readonly symbol?: string;
  readonly levels?: unknown;
  readonly confidence?: number;
  readonly decidedAt?: string;
  readonly trader?: TraderSettings;
  readonly limits?: Limits | null;
}

/** A JSON number as written, which JavaScript itself could not write. */
function number(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);
}

const BAD: readonly BadDecision[] = [
  { what: "an unknown symbol", symbol: "NOSUCHUSDT", code: "symbol_unknown" },
  { what: "a symbol that is no symbol", symbol: "btc/usdt; --", code: "symbol_unknown" },
  { what: "an empty symbol", symbol: "", code: "symbol_unknown" },
  { what: "a symbol the exchange has stopped", symbol: "DOGEUSDT", code: "symbol_not_trading" },
  { what: "a symbol not quoted in USDT", symbol: "ETHBTC", code: "quote_asset_not_usdt" },
  { what: "a short", levels: { ...GOOD, side: "short" }, code: "short_not_supported" },
  { what: "a short in other words", levels: { ...GOOD, direction: "SELL" }, code: "short_not_supported" },
  { what: "no stop anywhere", levels: { takeProfit: [52000] }, code: "stop_missing" },
  { what: "no levels at all", levels: null, code: "stop_missing" },
  { what: "a stop above the market", levels: { stopLoss: 51000 }, code: "stop_not_below_entry" },
  { what: "a stop above the entry", levels: { entry: 48000, stopLoss: 49000 }, code: "stop_not_below_entry" },
  {
    what: "a target below the market",
    levels: { stopLoss: 49000, takeProfit: [49500] },
    code: "target_not_above_entry",
  },
  {
    what: "one target of two below",
    levels: { stopLoss: 49000, takeProfit: [52000, 1] },
    code: "target_not_above_entry",
  },
  { what: "a stop of NaN", levels: { stopLoss: "NaN" }, code: "levels_invalid" },
  { what: "a stop of Infinity", levels: { stopLoss: "Infinity" }, code: "levels_invalid" },
  {
    what: "a target of -Infinity",
    levels: { stopLoss: 49000, takeProfit: ["-Infinity"] },
    code: "levels_invalid",
  },
  { what: "a negative stop", levels: { stopLoss: -49000 }, code: "levels_invalid" },
  { what: "a stop of zero", levels: { stopLoss: 0 }, code: "levels_invalid" },
  { what: "a target of 1e30", levels: { stopLoss: 49000, takeProfit: [1e30] }, code: "levels_invalid" },
  { what: "a stop of 40 decimals", levels: { stopLoss: DIGITS_40 }, code: "levels_invalid" },
  { what: "a number of 40 decimals", levels: { stopLoss: number(DIGITS_40) }, code: "levels_invalid" },
  { what: "a number beyond every double", levels: { stopLoss: number("1e400") }, code: "levels_invalid" },
  {
    what: "a target that is a number beyond every double",
    levels: { stopLoss: 49000, takeProfit: [number("1e999")] },
    code: "levels_invalid",
  },
  { what: "a word for a stop", levels: { stopLoss: "below the low" }, code: "levels_invalid" },
  { what: "a list for a stop", levels: { stopLoss: [49000] }, code: "levels_invalid" },
  { what: "an object for a stop", levels: { stopLoss: { price: 49000 } }, code: "levels_invalid" },
  { what: "true for a stop", levels: { stopLoss: true }, code: "levels_invalid" },
  { what: "SQL for a stop", levels: { stopLoss: "1'; drop table traders; --" }, code: "levels_invalid" },
  { what: "levels that are a list", levels: [49000], code: "levels_invalid" },
  { what: "levels that are text", levels: "49000", code: "levels_invalid" },
  {
    what: "eleven targets",
    levels: { stopLoss: 49000, takeProfit: Array.from({ length: 11 }, (_, n) => 52000 + n) },
    code: "levels_invalid",
  },
  { what: "a confidence above 100", confidence: 100.5, code: "confidence_invalid" },
  { what: "a negative confidence", confidence: -1, code: "confidence_invalid" },
  {
    what: "a confidence below the limit",
    confidence: 50,
    limits: { max_position_quote: 200, min_confidence: 60 },
    code: "confidence_too_low",
  },
  { what: "a trader that is switched off", trader: { enabled: false }, code: "trader_disabled" },
  {
    what: "a trader that does not execute by itself",
    trader: { auto_execute_trades: false },
    code: "auto_execute_off",
  },
  { what: "a trader without limits", limits: null, code: "no_risk_limits" },
  { what: "a trader of live trading", trader: { paper_trade_mode: false }, code: "live_not_available" },
  {
    what: "a decision of an hour ago",
    decidedAt: new Date(Date.now() - 3_600_000).toISOString(),
    code: "signal_stale",
  },
  {
    what: "a limit entry without an entry price",
    trader: { entry_order_type: "limit" },
    code: "entry_price_missing",
  },
  { what: "more than the position limit", limits: { max_position_quote: 50 }, code: "max_position" },
  {
    what: "less than the exchange takes",
    trader: { sizing_value: 4 },
    limits: { min_position_quote: 1, max_position_quote: 50 },
    code: "filter_notional",
  },
  { what: "more than the account holds", trader: { paper_trade_balance: 20 }, code: "insufficient_balance" },
];

/** What a rejected signal has left behind, besides its verdict and audit. */
async function remains(signalId: string): Promise<unknown> {
  const [row] = await floor.sql`
    select (select count(*)::int from public.positions p where p.signal_id = s.id) as positions,
      (select count(*)::int from public.orders o where o.signal_id = s.id) as orders,
      (select count(*)::int from trading.jobs j where j.signal_id = s.id and j.status <> 'done') as jobs,
      (select count(*)::int from public.audit_log a where a.subject_id = s.id::text and a.action = 'signal_rejected') as audited
    from public.signals s where s.id = ${signalId}`;
  return { ...row };
}
const NOTHING = { positions: 0, orders: 0, jobs: 0, audited: 1 };

/** The AI's backend at work: two inserts with the secret key. */
async function decideOverApi(bad: BadDecision): Promise<string> {
  const traderId = await floor.trader(alice, bad.trader, bad.limits);
  const { service } = floor.stack;
  const { data, error } = await service.from("signals")
    .insert({ trader_id: traderId, symbol: bad.symbol ?? "BTCUSDT" }).select("id").single();
  if (error) throw error;
  const { error: refused } = await service.from("signal_analyses").insert({
    signal_id: data.id,
    trader_id: traderId,
    decision: "enter_trade",
    confidence: bad.confidence ?? 80,
    key_levels: bad.levels === undefined ? GOOD : bad.levels,
    ...(bad.decidedAt ? { created_at: bad.decidedAt } : {}),
  });
  if (refused) throw refused;
  return data.id;
}

for (const bad of BAD) {
  Deno.test(`${bad.what} is rejected as ${bad.code}, with words and without half-made rows`, async () => {
    const signalId = await decideOverApi(bad);
    const { status, code, reason } = await floor.fate(signalId);
    assert.deepEqual([status, code], ["rejected", bad.code]);
    assert.ok(reason && reason.length > 10);
    assert.deepEqual(await remains(signalId), NOTHING);
    const [check] = await floor
      .sql`select code, passed, jsonb_array_length(rules) as rules from trading.risk_checks where signal_id = ${signalId}`;
    assert.deepEqual([check!["code"], check!["passed"]], [bad.code, false]);
    assert.ok(check!["rules"] > 20, "every rule is stored with the verdict");
  });
}

Deno.test("a decision of a trader without an owner is denied as no_owner", async () => {
  const traderId = await floor.trader({ id: null as never }, { is_built_in: true }, null);
  const { status, code } = await floor.fate(await floor.decide(traderId, "BTCUSDT", GOOD));
  assert.deepEqual([status, code], ["rejected", "no_owner"]);
});

for (
  const [what, symbol, code] of [
    ["no price", "SOLUSDT", "price_missing"],
    ["a price too old", "BTCUSDT", "price_stale"],
  ] as const
) {
  Deno.test(`with ${what} an entry waits as long as its signal lives and is then rejected as ${code}`, async () => {
    await floor.configure({ max_price_age_ms: 100 });
    await new Promise((resolve) => setTimeout(resolve, 150)); // the price must grow older than that
    const traderId = await floor.trader(alice, { signal_ttl_seconds: 1 });
    const signalId = await floor.decide(traderId, symbol, GOOD);
    const fate = await floor.fate(signalId);
    await floor.configure({ max_price_age_ms: 3_600_000 });
    assert.deepEqual([fate.status, fate.code], ["rejected", code]);
    const [job] = await floor.sql`select attempts from trading.jobs where signal_id = ${signalId}`;
    assert.ok(job!["attempts"] > 1);
    assert.deepEqual(await remains(signalId), NOTHING);
  });
}

Deno.test("an entry that waits for a price is executed as soon as there is one", async () => {
  const traderId = await floor.trader(alice);
  const signalId = await floor.decide(traderId, "ETHUSDT", { stopLoss: 2900 });
  await floor.price("ETHUSDT", { bid: "3000", ask: "3001" });
  assert.equal((await floor.fate(signalId)).status, "in_position");
});

Deno.test("a second decision on a signal with a position is ignored and audited", async () => {
  const traderId = await floor.trader(alice);
  const signalId = await floor.decide(traderId, "BTCUSDT", GOOD);
  await floor.fate(signalId);
  const { service } = floor.stack;
  for (const decision of ["enter_trade", "wait", "bad_setup", "enter_trade"]) {
    const row = {
      signal_id: signalId,
      trader_id: traderId,
      decision,
      confidence: 90,
      key_levels: { stopLoss: 48000 },
    };
    const { error } = await service.from("signal_analyses").insert(row);
    assert.equal(error, null);
  }
  await floor.idle();
  const [row] = await floor.sql`
    select s.status, (select count(*)::int from public.positions p where p.signal_id = s.id) as positions,
      (select count(*)::int from public.audit_log a where a.subject_id = s.id::text and a.action = 'decision_ignored') as ignored
    from public.signals s where s.id = ${signalId}`;
  assert.deepEqual({ ...row }, { status: "in_position", positions: 1, ignored: 2 });
});

for (
  const [what, row, code] of [
    ["a decision nobody knows", { decision: "yolo" }, "23514"],
    ["a confidence that does not fit its column", { decision: "enter_trade", confidence: 1e30 }, "22003"],
    ["a word for a confidence", { decision: "enter_trade", confidence: "high" }, "22P02"],
  ] as const
) {
  Deno.test(`${what} is refused at the insert with ${code}`, async () => {
    const traderId = await floor.trader(alice);
    const { service } = floor.stack;
    const { data } = await service.from("signals").insert({ trader_id: traderId, symbol: "BTCUSDT" }).select(
      "id",
    ).single();
    const { error, status } = await service.from("signal_analyses").insert({
      signal_id: data!.id,
      trader_id: traderId,
      ...row,
    });
    assert.deepEqual([error?.code, status], [code, 400]);
  });
}

Deno.test("limits that are none are refused by name and nothing of them is set", async () => {
  const traderId = await floor.trader(alice, {}, null);
  const set = (limits: unknown) =>
    alice.client.rpc("set_risk_limits", { p_limits: limits, p_trader_id: traderId });
  for (
    const [limits, code] of [
      [{ max_positon_quote: 5 }, "limits_unknown"],
      [{ max_position_quote: "NaN" }, "limits_invalid"],
      [{ max_position_quote: "Infinity" }, "limits_invalid"],
      [{ max_position_quote: -5 }, "limits_invalid"],
      [{ max_exposure_percent: 101 }, "limits_invalid"],
      [{ max_position_quote: 5, min_position_quote: 10 }, "limits_invalid"],
      [{ max_position_quote: "much" }, "limits_invalid"],
      [[1], "limits_invalid"],
    ] as const
  ) {
    assert.match((await set(limits)).error?.message ?? "", new RegExp(`^${code}: `), JSON.stringify(limits));
  }
  const { data } = await alice.client.from("risk_limits").select("id").eq("trader_id", traderId);
  assert.deepEqual(data, []);
});

Deno.test("after all of it the engine goes on, nothing is left over and the books are zero", async () => {
  await floor.enter(await floor.trader(alice), "BTCUSDT", GOOD);
  assert.deepEqual(await floor.wrongBooks(), {});
  const [alerts] = await floor.sql`select count(*)::int as n from public.alerts where severity <> 'info'`;
  assert.equal(alerts!["n"], 0, "bad input is no fault of the engine");
});
