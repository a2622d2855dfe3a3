import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import { eventually } from "../../local/testing.ts";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

const Money = Decimal.clone({ precision: 120, rounding: Decimal.ROUND_HALF_EVEN });

let floor: Floor;
let alice: FloorUser;
let traderId: string;

Deno.test.beforeAll(async () => {
  floor = await openFloor();
  alice = await floor.user("alice");
  traderId = await floor.trader(alice);
});
Deno.test.afterAll(() => floor.stop());

/** A position as its owner reads it, money as text. */
interface Position {
  readonly status: string;
  readonly exit_reason: string | null;
  readonly quantity: string;
  readonly cost: string;
  readonly realized_pnl: string;
  readonly realized_pnl_percent: string | null;
  readonly fees_paid: string;
  readonly dust_quantity: string;
  readonly max_loss_usdt: string;
}

const POSITION = "status, exit_reason, quantity::text, cost::text, realized_pnl::text, " +
  "realized_pnl_percent::text, fees_paid::text, dust_quantity::text, max_loss_usdt::text";

async function position(id: string): Promise<Position> {
  const { data, error } = await alice.client.from("positions").select(POSITION).eq("id", id).single();
  if (error) throw error;
  return data as unknown as Position;
}

interface Order {
  readonly role: string;
  readonly level: number;
  readonly status: string;
  readonly quantity: string;
  readonly price: string | null;
  readonly trigger_price: string | null;
}

/** The orders of a position that rest, as [role, quantity, price or trigger]. */
async function resting(positionId: string): Promise<string[][]> {
  const { data, error } = await alice.client.from("orders")
    .select("role, level, status, quantity::text, price::text, trigger_price::text")
    .eq("position_id", positionId).in("status", ["submitted", "partially_filled"]).order("role").order(
      "level",
    );
  if (error) throw error;
  return (data as unknown as Order[]).map(({ role, quantity, price, trigger_price }) => [
    role,
    text(quantity),
    text(price ?? trigger_price!),
  ]);
}

interface Fill {
  readonly side: "BUY" | "SELL";
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly fee_asset: string;
}

async function fills(positionId: string): Promise<Fill[]> {
  const { data, error } = await alice.client.from("trades")
    .select("side, price::text, quantity::text, fee::text, fee_asset").eq("position_id", positionId)
    .order("executed_at").order("recorded_at");
  if (error) throw error;
  return data as unknown as Fill[];
}

const text = (value: Decimal.Value) => new Money(value).toFixed();

/**
 * Net result by the book of fills: what came in minus what went out, fees taken in the base asset already missing
 * from the quantity, and the dust at the price of the last sale.
 */
function resultOf(list: readonly Fill[]): { pnl: string; percent: string; dust: string } {
  let [held, paid, earned, lastSale] = [new Money(0), new Money(0), new Money(0), new Money(0)];
  for (const { side, price, quantity, fee, fee_asset } of list) {
    const value = new Money(price).times(quantity);
    const [inBase, inQuote] = fee_asset === "USDT"
      ? [new Money(0), new Money(fee)]
      : [new Money(fee), new Money(0)];
    if (side === "BUY") {
      held = held.plus(quantity).minus(inBase);
      paid = paid.plus(value).plus(inQuote);
    } else {
      held = held.minus(quantity).minus(inBase);
      earned = earned.plus(value).minus(inQuote);
      lastSale = new Money(price);
    }
  }
  const pnl = earned.minus(paid).plus(held.times(lastSale));
  return { pnl: text(pnl), percent: text(pnl.times(100).div(paid).toDecimalPlaces(8)), dust: text(held) };
}

async function assertResult(positionId: string): Promise<void> {
  const shown = await position(positionId);
  const own = resultOf(await fills(positionId));
  assert.equal(shown.status, "closed");
  assert.deepEqual(
    [text(shown.realized_pnl), text(shown.realized_pnl_percent!), text(shown.dust_quantity)],
    [own.pnl, own.percent, own.dust],
  );
  assert.deepEqual([text(shown.quantity), text(shown.cost)], ["0", "0"]);
}

async function signalOf(positionId: string): Promise<string> {
  const { data } = await alice.client.from("positions").select("signals(status)").eq("id", positionId)
    .single();
  return (data as unknown as { signals: { status: string } }).signals.status;
}

async function close(positionId: string, quantity?: string): Promise<void> {
  const { error } = await alice.client.rpc("close_position", {
    p_position_id: positionId,
    p_quantity: quantity,
  });
  if (error) throw error;
}

Deno.test("a decision becomes an open position at the ask, with its stop, targets and schedule", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000, takeProfit: ["52000", 51000] });
  // 100 USDT at the cap of 0.5 % above the ask buy 0.00199 in whole steps; the fee of 0.1 % is taken in BTC.
  const bought = await fills(id);
  assert.deepEqual(bought.map((fill) => ({ ...fill, price: text(fill.price) })), [
    { side: "BUY", price: "50001", quantity: "0.00199", fee: "0.00000199", fee_asset: "BTC" },
  ]);
  const { status, quantity, cost } = await position(id);
  assert.deepEqual([status, text(quantity), text(cost)], ["open", "0.00198801", "99.50199"]);
  assert.deepEqual(await resting(id), [
    ["stop_loss", "0.00198", "49000"],
    ["take_profit", "0.00099", "51000"],
    ["take_profit", "0.00099", "52000"],
  ]);
  assert.equal(await signalOf(id), "in_position");
  const { data: schedule } = await alice.client.from("workflow_schedules").select("workflow_type, is_active")
    .eq("entity_id", id);
  assert.deepEqual(schedule, [{ workflow_type: "position_management", is_active: true }]);
  await close(id);
  await floor.reached(id, "closed");
  await assertResult(id);
});

Deno.test("targets are sold one by one as the market trades through them; a touch sells nothing", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000, takeProfit: [51000, 52000] });
  assert.equal((await floor.price("BTCUSDT", { bid: "51000", ask: "51001", high: "51000" })).limits, 0);
  assert.equal((await floor.price("BTCUSDT", { bid: "51000.01", ask: "51001" })).limits, 1);
  await eventually("the first target", async () => (await fills(id)).length === 2 || null);
  await floor.idle();
  assert.equal((await position(id)).status, "open");
  assert.deepEqual((await resting(id)).map(([role]) => role), ["stop_loss", "take_profit"]);
  await floor.price("BTCUSDT", { bid: "51500", ask: "51501", high: "52000.01" });
  await floor.reached(id, "closed");
  assert.deepEqual((await fills(id)).map(({ side, price }) => [side, text(price)]), [
    ["BUY", "50001"],
    ["SELL", "51000"],
    ["SELL", "52000"],
  ]);
  await assertResult(id);
  assert.equal((await position(id)).exit_reason, "take_profit");
  assert.equal(await signalOf(id), "completed");
  assert.deepEqual(await resting(id), []);
});

Deno.test("a stop that the market jumps over sells at the gap and not at the stop", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000, takeProfit: [52000] });
  assert.equal((await floor.price("BTCUSDT", { bid: "47000", ask: "47001", high: "47001" })).stops, 1);
  await floor.reached(id, "closed");
  assert.deepEqual((await fills(id)).map(({ side, price }) => [side, text(price)]), [["BUY", "50001"], [
    "SELL",
    "47000",
  ]]);
  await assertResult(id);
  assert.equal((await position(id)).exit_reason, "stop_loss");
});

Deno.test("a wick between two quotes fires the stop near its trigger, also when it reached the target", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000, takeProfit: [51000] });
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001", low: "48900", high: "51500" });
  await floor.reached(id, "closed");
  assert.deepEqual((await fills(id)).map(({ price }) => text(price)), ["50001", "49000"]);
  assert.equal((await position(id)).exit_reason, "stop_loss");
  await assertResult(id);
});

Deno.test("part of a position is closed on command; the rest stays open and protected at its size", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000, takeProfit: [52000] });
  await close(id, "0.001");
  await eventually("the sale", async () => (await fills(id)).length === 2 || null);
  await floor.idle();
  const part = await position(id);
  assert.deepEqual([part.status, text(part.quantity)], ["open", "0.00098801"]);
  assert.deepEqual(await resting(id), [["stop_loss", "0.00098", "49000"], [
    "take_profit",
    "0.00098",
    "52000",
  ]]);
  await floor.price("BTCUSDT", { bid: "50500.55", ask: "50501" });
  await close(id);
  await floor.reached(id, "closed");
  assert.equal((await position(id)).exit_reason, "manual");
  await assertResult(id);
});

Deno.test("the same close request twice sells once, and a close of a closed position does nothing", async () => {
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const id = await floor.enter(traderId, "BTCUSDT", { stopLoss: 49000 });
  const request = { p_position_id: id, p_quantity: "0.0005", p_request_id: crypto.randomUUID() };
  const answers = await Promise.all([1, 2, 3].map(() => alice.client.rpc("close_position", request)));
  assert.equal(new Set(answers.map(({ data }) => data.job_id)).size, 1);
  await floor.idle();
  assert.equal((await fills(id)).length, 2);
  await close(id);
  await floor.reached(id, "closed");
  const { data } = await alice.client.rpc("close_position", { p_position_id: id });
  assert.deepEqual([data.status, data.job_id], ["closed", null]);
});

Deno.test("the paper balance is start plus results minus dust, its counts are the positions', the books are zero", async () => {
  assert.deepEqual(await floor.wrongBooks(), {});
  const { data } = await alice.client.from("paper_balances")
    .select(
      "initial_balance::text, current_balance::text, total_pnl::text, total_trades, winning_trades, losing_trades",
    )
    .single();
  const balance = data as unknown as Record<string, string> & { total_trades: number };
  const { data: rows } = await alice.client.from("positions")
    .select("realized_pnl::text, dust_value::text").eq("status", "closed");
  const closed = rows as unknown as { realized_pnl: string; dust_value: string }[];
  const pnl = closed.reduce((sum, one) => sum.plus(one.realized_pnl), new Money(0));
  const dust = closed.reduce((sum, one) => sum.plus(one.dust_value), new Money(0));
  assert.equal(balance.total_trades, closed.length);
  assert.equal(text(balance["total_pnl"]!), text(pnl));
  assert.equal(text(balance["current_balance"]!), text(pnl.minus(dust).plus(balance["initial_balance"]!)));
});
