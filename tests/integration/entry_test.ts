import assert from "node:assert/strict";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

let floor: Floor;
let alice: FloorUser;

Deno.test.beforeAll(async () => {
  floor = await openFloor();
  alice = await floor.user("alice");
});
Deno.test.afterAll(() => floor.stop());

const LIMIT = { entry_order_type: "limit" } as const;
const LEVELS = { entry: 49500, stopLoss: 49000, takeProfit: [52000] };

/** A limit trader with a decided signal, and the position that waits for its fill. */
async function waitingEntry(settings: Record<string, string | number> = {}) {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const traderId = await floor.trader(alice, { ...LIMIT, ...settings });
  const signalId = await floor.decide(traderId, "BTCUSDT", LEVELS);
  const { positionId } = await floor.fate(signalId);
  assert.ok(positionId);
  return { traderId, signalId, positionId };
}

async function entryOf(positionId: string): Promise<Record<string, string>> {
  const { data, error } = await alice.client.from("orders")
    .select("status, price::text, quantity::text, filled_quantity::text, reason").eq(
      "position_id",
      positionId,
    )
    .eq("role", "entry").single();
  if (error) throw error;
  return data as unknown as Record<string, string>;
}

async function statusOf(table: "positions" | "signals", id: string): Promise<Record<string, string>> {
  const columns = table === "positions" ? "status, failure_code" : "status, rejection_code";
  const { data, error } = await alice.client.from(table).select(columns).eq("id", id).single();
  if (error) throw error;
  return data as unknown as Record<string, string>;
}

async function reservedFor(positionId: string): Promise<string> {
  const [row] = await floor.sql`
    select coalesce(sum(r.amount), 0)::text as amount from trading.reservations r
      join public.orders o on o.id = r.order_id where o.position_id = ${positionId}`;
  return row!["amount"];
}

Deno.test("a limit entry rests at the signal's price, reserves its money, and fills when traded through", async () => {
  const { positionId } = await waitingEntry();
  assert.equal((await statusOf("positions", positionId))["status"], "submitting");
  const resting = await entryOf(positionId);
  assert.deepEqual([resting["status"], resting["price"], resting["quantity"]], [
    "submitted",
    "49500",
    "0.00202",
  ]);
  assert.equal(Number(await reservedFor(positionId)), 99.99);
  // A touch is not a trade through.
  assert.equal((await floor.price("BTCUSDT", { bid: "49499", ask: "49500", low: "49500" })).limits, 0);
  assert.equal((await floor.price("BTCUSDT", { bid: "49490", ask: "49499.99" })).limits, 1);
  await floor.reached(positionId, "open");
  const filled = await entryOf(positionId);
  assert.deepEqual([filled["status"], filled["filled_quantity"]], ["filled", "0.00202"]);
  const { data: [fill] } = await alice.client.from("trades").select("price::text, is_maker")
    .eq("position_id", positionId) as unknown as { data: { price: string; is_maker: boolean }[] };
  assert.deepEqual([Number(fill!.price), fill!.is_maker], [49500, true]);
  assert.equal(Number(await reservedFor(positionId)), 0);
});

Deno.test("a limit entry that nobody fills in its time ends: position failed, signal rejected, money free", async () => {
  const { positionId, signalId } = await waitingEntry({ entry_timeout_seconds: 1 });
  await floor.reached(positionId, "failed");
  assert.equal((await entryOf(positionId))["status"], "cancelled");
  assert.deepEqual(await statusOf("positions", positionId), {
    status: "failed",
    failure_code: "entry_unfilled",
  });
  assert.deepEqual(await statusOf("signals", signalId), {
    status: "rejected",
    rejection_code: "entry_unfilled",
  });
  assert.equal(Number(await reservedFor(positionId)), 0);
});

Deno.test("a resting entry is cancelled by hand, and cancelling again does nothing", async () => {
  const { positionId, signalId } = await waitingEntry();
  const first = await alice.client.rpc("cancel_entry", { p_position_id: positionId });
  assert.equal(typeof first.data.job_id, "number");
  await floor.reached(positionId, "failed");
  assert.equal((await entryOf(positionId))["reason"], "cancelled_by_user");
  assert.equal((await statusOf("signals", signalId))["rejection_code"], "entry_unfilled");
  const again = await alice.client.rpc("cancel_entry", { p_position_id: positionId });
  assert.deepEqual([again.error, again.data.job_id], [null, null]);
});

Deno.test("closing a position whose entry still rests cancels the entry", async () => {
  const { positionId } = await waitingEntry();
  await alice.client.rpc("close_position", { p_position_id: positionId });
  await floor.reached(positionId, "failed");
  assert.equal((await entryOf(positionId))["status"], "cancelled");
});

Deno.test("a market entry never pays more than its cap: what the book has above it stays there", async () => {
  const depth = { bids: [["49999", "5"]], asks: [["50001", "0.0001"], ["50400", "5"]] } as const;
  await floor.price("BTCUSDT", { bid: "49999", ask: "50001", depth });
  const traderId = await floor.trader(alice, { max_slippage_percent: 0.1, sizing_value: 150 });
  const positionId = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000 });
  const entry = await entryOf(positionId);
  assert.deepEqual([entry["status"], entry["filled_quantity"]], ["expired", "0.0001"]);
  // 5 USDT less the fee are below the exchange's minimum: what could never be sold is closed as dust at once.
  assert.equal((await statusOf("positions", positionId))["status"], "closed");
});

Deno.test("with a latency the fill comes as a due job, at the price of its arrival", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const traderId = await floor.trader(alice);
  await floor.configure({ paper_latency_ms: 500 });
  const signalId = await floor.decide(traderId, "BTCUSDT", { stopLoss: 49000 });
  const { positionId } = await floor.fate(signalId);
  assert.ok(positionId);
  assert.equal((await statusOf("positions", positionId))["status"], "submitting");
  await floor.price("BTCUSDT", { bid: "50009", ask: "50010" });
  await floor.reached(positionId, "open");
  await floor.configure({ paper_latency_ms: 0 });
  const [fill] = await floor.sql`
    select t.price::float8 as price, extract(epoch from t.executed_at - s.decided_at)::float8 * 1000 as after_ms,
      extract(epoch from t.recorded_at - s.decided_at)::float8 * 1000 as recorded_ms
    from public.trades t join public.positions p on p.id = t.position_id join public.signals s on s.id = p.signal_id
    where p.id = ${positionId}`;
  assert.equal(fill!["price"], 50010);
  assert.equal(Math.round(fill!["after_ms"]), 500);
  assert.ok(fill!["recorded_ms"] >= 500);
});

Deno.test("a preview tells verdict, rules, size and price of an entry and writes nothing", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const traderId = await floor.trader(alice);
  const { data: signal } = await floor.stack.service.from("signals").insert({
    trader_id: traderId,
    symbol: "BTCUSDT",
    levels: { stopLoss: 49000, takeProfit: [52000] },
  }).select("id").single();
  const before = await footprint();
  const { data: preview, error } = await alice.client.rpc("preview_entry", { p_signal_id: signal!.id });
  assert.equal(error, null);
  assert.deepEqual([preview.passed, preview.code, preview.quantity, preview.price, preview.stop], [
    true,
    null,
    "0.00199",
    "50251",
    "49000",
  ]);
  assert.ok(preview.rules.length > 20 && preview.rules.every((rule: { passed: boolean }) => rule.passed));
  assert.deepEqual(await footprint(), before);

  // What it promised is what happens.
  await floor.stack.service.from("signals").update({ decision: "enter_trade" }).eq("id", signal!.id);
  const { positionId } = await floor.fate(signal!.id);
  const entry = await entryOf(positionId!);
  assert.deepEqual([entry["quantity"], entry["price"]], [preview.quantity, preview.price]);
});

Deno.test("a preview of what would be denied names the rule", async () => {
  const traderId = await floor.trader(alice, {}, { max_position_quote: 50, max_exposure_quote: 1000 });
  const { data: signal } = await floor.stack.service.from("signals")
    .insert({ trader_id: traderId, symbol: "BTCUSDT", levels: { stopLoss: 49000 } }).select("id").single();
  const { data: preview } = await alice.client.rpc("preview_entry", { p_signal_id: signal!.id });
  assert.deepEqual([preview.passed, preview.code], [false, "max_position"]);
});

Deno.test("a top-up adds money once per request, and a reset starts again with the history kept", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const traderId = await floor.trader(alice);
  const positionId = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000 });
  const refused = await alice.client.rpc("reset_paper_account", { p_trader_id: traderId });
  assert.match(refused.error?.message ?? "", /^account_has_open_positions: /);
  await alice.client.rpc("close_position", { p_position_id: positionId });
  await floor.reached(positionId, "closed");

  const before = await balance(traderId);
  const request = { p_trader_id: traderId, p_amount: "250.5", p_request_id: crypto.randomUUID() };
  await alice.client.rpc("top_up_paper_account", request);
  await alice.client.rpc("top_up_paper_account", request);
  const topped = await balance(traderId);
  assert.deepEqual([topped.initial, (topped.current - before.current).toFixed(8)], [10250.5, "250.50000000"]);

  const { error } = await alice.client.rpc("reset_paper_account", { p_trader_id: traderId });
  assert.equal(error, null);
  assert.deepEqual(await balance(traderId), { initial: 10000, current: 10000, trades: 0 });
  const { data: history } = await alice.client.from("positions").select("id").eq("trader_id", traderId);
  assert.deepEqual(history, [{ id: positionId }]);
});

for (const amount of ["0", "-1", "NaN", "Infinity", "1e12", "0.000000001"]) {
  Deno.test(`a top-up of ${amount} is refused`, async () => {
    const traderId = await floor.trader(alice);
    const { error } = await alice.client.rpc("top_up_paper_account", {
      p_trader_id: traderId,
      p_amount: amount,
    });
    assert.match(error?.message ?? "", /^amount_invalid: /);
  });
}

Deno.test("after all of it the books are zero", async () => {
  assert.deepEqual(await floor.wrongBooks(), {});
});

async function balance(traderId: string): Promise<{ initial: number; current: number; trades: number }> {
  const { data, error } = await alice.client.from("paper_balances")
    .select("initial_balance, current_balance, total_trades").eq("trader_id", traderId).single();
  if (error) throw error;
  return { initial: data.initial_balance, current: data.current_balance, trades: data.total_trades };
}

/** How many rows there are of what an entry writes. */
async function footprint(): Promise<Record<string, number>> {
  const [row] = await floor.sql`
    select (select count(*)::int from public.positions) as positions, (select count(*)::int from public.orders) as orders,
      (select count(*)::int from trading.jobs) as jobs, (select count(*)::int from trading.risk_checks) as checks,
      (select count(*)::int from public.audit_log) as audits, (select count(*)::int from trading.accounts) as accounts`;
  return { ...row } as Record<string, number>;
}
