/** A live position on the simulator, by the function's own worker: what its owner and their exchange account see. */
import assert from "node:assert/strict";
import { type ExchangeFloor, withExchangeFloor } from "../harness/exchange_floor.ts";
import { faultOfNextOrder } from "../harness/faults.ts";

const LEVELS = { stopLoss: 58000, takeProfit: [63000] };

async function position(floor: ExchangeFloor) {
  const [row] = await floor.sql`
    select id, status, quantity::text, trim_scale(realized_pnl)::text as pnl, exit_reason as reason from public.positions`;
  return row!;
}

function calls(floor: ExchangeFloor): Promise<{ action: string; outcome: string }[]> {
  return floor.sql`select action, outcome from trading.exchange_calls order by id`;
}

Deno.test("a decision becomes a position that stop and target guard at the exchange, in two calls", () =>
  withExchangeFloor("live_entry", async (floor) => {
    const user = await floor.hire({ USDT: "10000" });
    await floor.decide(user, "BTCUSDT", LEVELS);
    await floor.settle();

    const { status, quantity } = await position(floor);
    assert.deepEqual({ status, quantity }, { status: "open", quantity: "0.00164835" });
    assert.equal(floor.held(user, "BTC"), "0.00000835/0.00164");
    assert.deepEqual((await calls(floor)).map(({ action, outcome }) => `${action} ${outcome}`), [
      "server_time accepted",
      "balances accepted",
      "open_orders accepted",
      "submit accepted",
      "submit_pair accepted",
    ]);
    await floor.assertBooks();
  }));

Deno.test("the target at the exchange closes the position, and the ledger is what the exchange holds", () =>
  withExchangeFloor("live_target", async (floor) => {
    const user = await floor.hire({ USDT: "10000" });
    await floor.decide(user, "BTCUSDT", LEVELS);
    await floor.settle();
    await floor.price("BTCUSDT", "63001");
    await floor.settle();

    const { status, reason, pnl } = await position(floor);
    assert.deepEqual({ status, reason, pnl }, { status: "closed", reason: "take_profit", pnl: "4.7427135" });
    await floor.assertLedger(user);
    await floor.assertBooks();
  }));

Deno.test("a hand close replaces what rests by a sale in one request", () =>
  withExchangeFloor("live_close", async (floor) => {
    const user = await floor.hire({ USDT: "10000" });
    await floor.decide(user, "BTCUSDT", LEVELS);
    await floor.settle();
    await floor.command("select public.close_position($1)", [(await position(floor))["id"]]);
    await floor.settle();

    assert.equal((await position(floor))["status"], "closed");
    assert.equal((await calls(floor)).at(5)?.action, "replace");
    assert.equal(floor.held(user, "BTC"), "0.00000835/0");
    assert.equal(floor.simulator.state.accounts.get(user.exchangeAccount)!.openOrders.size, 0);
    await floor.assertBooks();
  }));

Deno.test("an answer that is lost is found out, and the order is not sent again", () =>
  withExchangeFloor("live_lost", async (floor) => {
    const user = await floor.hire({ USDT: "10000" });
    floor.simulator.faults.add(faultOfNextOrder("answer_lost"));
    await floor.decide(user, "BTCUSDT", LEVELS);
    await floor.settle();
    const [unknown] = await floor.sql`select state from public.orders where role = 'entry'`;
    assert.equal(unknown!["state"], "unknown");
    await floor.settle(5_000);

    assert.equal((await position(floor))["status"], "open");
    const placed = floor.simulator.log.filter(({ method, path }) =>
      method === "POST" && path === "/api/v3/order"
    );
    assert.equal(placed.length, 1);
    await floor.assertBooks();
  }));
