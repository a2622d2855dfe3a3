/** Orders that an exchange has lost, with the coins still there: the engine's own venue against the simulator. */
import assert from "node:assert/strict";
import { clientKey } from "../../simulator/engine/orders.ts";
import { type ExchangeFloor, type LiveUser, withExchangeFloor } from "../harness/exchange_floor.ts";

const LEVELS = { entry: 60_000, stopLoss: 57_000, takeProfit: [63_000] };

async function bought(floor: ExchangeFloor): Promise<LiveUser> {
  const user = await floor.hire({ USDT: "10000" });
  await floor.decide(user, "BTCUSDT", LEVELS);
  await floor.settle();
  return user;
}

/** The exchange has no trace of the user's orders any more, and the coins they locked are free. */
async function loseOrders(floor: ExchangeFloor, user: LiveUser): Promise<void> {
  const [stop] = await floor.sql`select client_order_id as id from public.orders where role = 'stop_loss'`;
  const ended = await floor.whileAwake(floor.venue.cancel("BTCUSDT", stop!["id"], {
    key: { apiKey: user.key.apiKey, secret: user.key.secret },
    window: { timestampMs: floor.clock.now(), recvWindowMs: 5_000, leaveByMs: Infinity },
  }));
  assert.equal(ended.outcome, "accepted");
  const { state } = floor.simulator;
  const market = state.markets.get("BTCUSDT")!;
  for (const { orderId, accountId, clientOrderId, listId } of [...market.orders.values()]) {
    if (accountId !== user.exchangeAccount) continue;
    market.orders.delete(orderId);
    market.byClientId.delete(clientKey(accountId, clientOrderId));
    state.lists.delete(listId);
  }
}

async function protection(floor: ExchangeFloor): Promise<string[]> {
  const rows = await floor.sql`
    select concat_ws(' ', role, attempt, state) as what from public.orders
    where role in ('stop_loss', 'take_profit') order by role, attempt`;
  return rows.map((row) => row["what"]);
}

async function livesOn(floor: ExchangeFloor, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 5) {
    await floor.pass(5_000);
    await floor.sql`select trading.sweep(trading.engine_now())`;
    await floor.settle(1_000);
  }
}

Deno.test("a protection that the exchange has lost is placed again when its end is proven", () =>
  withExchangeFloor("gone_orders", async (floor) => {
    const user = await bought(floor);
    await loseOrders(floor, user);
    assert.equal(floor.held(user, "BTC"), "0.00164835/0");
    await livesOn(floor, 180);

    assert.deepEqual(await protection(floor), [
      "stop_loss 1 cancelled",
      "stop_loss 2 working",
      "take_profit 1 cancelled",
      "take_profit 2 working",
    ]);
    assert.equal(floor.held(user, "BTC"), "0.00000835/0.00164");
    const [alert] = await floor.sql`
      select severity, resolved_at from public.alerts where code = 'order_gone'`;
    assert.deepEqual({ ...alert }, { severity: "critical", resolved_at: null });
    await floor.assertLedger(user);
    await floor.assertBooks();
  }));
