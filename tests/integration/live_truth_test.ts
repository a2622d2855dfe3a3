/** What owners do by hand at the exchange, and what the engine makes of it: its own venue against the simulator. */
import assert from "node:assert/strict";
import { fixed } from "../../simulator/core/fixed.ts";
import { accountOf, deposit } from "../../simulator/engine/accounts.ts";
import type { Leave } from "../../supabase/functions/_shared/ports/venue.ts";
import { type ExchangeFloor, type LiveUser, withExchangeFloor } from "../harness/exchange_floor.ts";
import { faultOfNextOrder } from "../harness/faults.ts";

const LEVELS = { entry: 60_000, stopLoss: 57_000, takeProfit: [63_000] };

/** Leave to do something with the owner's own hands: their key, now. */
function byHand(floor: ExchangeFloor, user: LiveUser): Leave {
  return {
    key: { apiKey: user.key.apiKey, secret: user.key.secret },
    window: { timestampMs: floor.clock.now(), recvWindowMs: 5_000, leaveByMs: Infinity },
  };
}

async function bought(floor: ExchangeFloor): Promise<LiveUser> {
  const user = await floor.hire({ USDT: "10000" });
  await floor.decide(user, "BTCUSDT", LEVELS);
  await floor.settle();
  return user;
}

async function clientIdOf(floor: ExchangeFloor, role: string): Promise<string> {
  const [row] = await floor.sql`
    select client_order_id as id from public.orders where role = ${role} and finished_at is null`;
  return row!["id"];
}

/** Compares all accounts now, and once more six seconds later. */
async function compareTwice(floor: ExchangeFloor): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await floor.pass(6_000);
    await floor.sql`
      select trading.queue_account_check(a.id, 'test', trading.engine_now())
      from trading.accounts a where exchange_uid is not null`;
    await floor.settle(1_000);
  }
}

async function openAlerts(floor: ExchangeFloor): Promise<string[]> {
  const rows = await floor.sql`
    select code from public.alerts where resolved_at is null and severity <> 'info' order by code`;
  return rows.map((row) => row["code"]);
}

async function lastDifferences(floor: ExchangeFloor): Promise<{ kind: string }[]> {
  const [row] = await floor.sql`select differences from trading.account_checks order by id desc limit 1`;
  return row!["differences"];
}

Deno.test("a protection that the owner cancels is placed again, and told", () =>
  withExchangeFloor("truth_cancel", async (floor) => {
    const user = await bought(floor);
    const before = await clientIdOf(floor, "stop_loss");
    await floor.whileAwake(floor.venue.cancel("BTCUSDT", before, byHand(floor, user)));
    assert.equal(floor.held(user, "BTC"), "0.00164835/0");
    await compareTwice(floor);

    assert.notEqual(await clientIdOf(floor, "stop_loss"), before);
    assert.equal(floor.held(user, "BTC"), "0.00000835/0.00164");
    assert.deepEqual(await openAlerts(floor), ["stop_cancelled_outside"]);
    await floor.assertBooks();
  }));

Deno.test("coins that the owner sells are missed, and adopted as the position's exit", () =>
  withExchangeFloor("truth_sell", async (floor) => {
    const user = await bought(floor);
    await floor.whileAwake(
      floor.venue.cancel("BTCUSDT", await clientIdOf(floor, "stop_loss"), byHand(floor, user)),
    );
    const sold = await floor.whileAwake(floor.venue.submit("BTCUSDT", {
      clientOrderId: "web_1",
      side: "SELL",
      type: "MARKET",
      timeInForce: null,
      quantity: "0.00164",
      price: null,
      triggerPrice: null,
    }, byHand(floor, user)));
    assert.equal(sold.outcome, "accepted");
    await compareTwice(floor);

    const [aside] = await floor.sql`
      select q.code, trim_scale(q.missing_quantity)::text as missing, p.id, p.status from trading.quarantines q
      join public.positions p on p.id = q.position_id where q.ended_at is null`;
    assert.deepEqual({ code: aside!["code"], missing: aside!["missing"], status: aside!["status"] }, {
      code: "coins_missing",
      missing: "0.00164",
      status: "open",
    });
    const [move] = await floor.sql`
      select trim_scale(quantity)::text as quantity, trim_scale(price)::text as price from trading.outside_moves where kind = 'trade'`;
    assert.deepEqual({ ...move }, { quantity: "-0.00164", price: "60000" });
    await floor.command("select public.adopt_external_fill($1, $2, $3, trading.engine_now())", [
      aside!["id"],
      move!["price"],
      "0.00164",
    ]);
    await compareTwice(floor);

    const [after] = await floor.sql`select status, exit_reason from public.positions`;
    assert.deepEqual({ ...after }, { status: "closed", exit_reason: "external" });
    assert.deepEqual(await lastDifferences(floor), []);
    await floor.assertLedger(user);
    await floor.assertBooks();
  }));

Deno.test("the owner's own coins and orders are told and left alone", () =>
  withExchangeFloor("truth_own", async (floor) => {
    const user = await bought(floor);
    deposit(floor.simulator.state, user.exchangeAccount, "BTC", fixed("0.5"));
    await floor.whileAwake(floor.venue.submit("BTCUSDT", {
      clientOrderId: "web_2",
      side: "SELL",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.1",
      price: "70000",
      triggerPrice: null,
    }, byHand(floor, user)));
    await compareTwice(floor);
    assert.deepEqual((await lastDifferences(floor)).map(({ kind }) => kind), [
      "order_outside",
      "coins_moved",
    ]);
    await floor.price("BTCUSDT", "63001");
    await floor.settle();

    const [position] = await floor.sql`select status from public.positions`;
    assert.equal(position!["status"], "closed");
    assert.equal(floor.held(user, "BTC"), "0.40000835/0.1");
    assert.deepEqual(await openAlerts(floor), []);
    await floor.assertBooks();
  }));

Deno.test("a fill that the engine was never told of is found by comparing", () =>
  withExchangeFloor("truth_fill", async (floor) => {
    const user = await bought(floor);
    floor.trade("BTCUSDT", "63001");
    await compareTwice(floor);

    const [position] = await floor.sql`select status, exit_reason from public.positions`;
    assert.deepEqual({ ...position }, { status: "closed", exit_reason: "take_profit" });
    assert.deepEqual(await lastDifferences(floor), []);
    assert.equal((await floor.sql`select from trading.quarantines`).length, 0);
    assert.equal(floor.held(user, "BTC"), "0.00000835/0");
    await floor.assertBooks();
  }));

Deno.test("coins that also pay the fees can be sold to the last lot", () =>
  withExchangeFloor("truth_fee_coins", async (floor) => {
    const user = await floor.hire({ USDT: "10000", BNB: "5" }, { sizing_value: 600 });
    accountOf(floor.simulator.state, user.exchangeAccount).paysFeesInBnb = true;
    await floor.decide(user, "BNBUSDT", { stopLoss: 580, takeProfit: [630] });
    await floor.settle();
    await floor.price("BNBUSDT", "631", "631.01");
    await compareTwice(floor);

    const [position] = await floor.sql`select status, exit_reason from public.positions`;
    assert.deepEqual({ ...position }, { status: "closed", exit_reason: "take_profit" });
    assert.equal((await floor.sql`select from trading.quarantines`).length, 0);
    assert.deepEqual(await lastDifferences(floor), []);
    await floor.assertBooks();
  }));

Deno.test("fees that other positions pay come out of the coins of one, and nothing is missing", () =>
  withExchangeFloor("truth_fee_of_others", async (floor) => {
    const user = await floor.hire({ USDT: "10000", BNB: "0.0003" }, { sizing_value: 300 });
    accountOf(floor.simulator.state, user.exchangeAccount).paysFeesInBnb = true;
    for (
      const [symbol, levels] of [
        ["BNBUSDT", { stopLoss: 580, takeProfit: [630] }],
        ["BTCUSDT", LEVELS],
        ["ETHUSDT", { stopLoss: 2_900, takeProfit: [3_300] }],
      ] as const
    ) {
      await floor.decide(user, symbol, levels);
      await floor.settle();
    }
    const fees = await floor.sql`select fee_asset from public.trades`;
    assert.deepEqual(fees.map((row) => row["fee_asset"]), ["BNB", "BNB", "BNB"]);
    assert.equal((await floor.sql`select from trading.fee_takings where position_id is not null`).length, 2);
    await compareTwice(floor);

    assert.deepEqual(await lastDifferences(floor), []);
    assert.deepEqual(await openAlerts(floor), []);
    assert.equal((await floor.sql`select from trading.quarantines`).length, 0);
    const [position] = await floor
      .sql`select trim_scale(quantity)::text as quantity from public.positions where symbol = 'BNBUSDT'`;
    const [free, locked] = floor.held(user, "BNB").split("/");
    assert.equal(fixed(free!) + fixed(locked!), fixed(position!["quantity"]));
    await floor.assertBooks();

    await floor.price("BNBUSDT", "631", "631.01");
    await compareTwice(floor);
    assert.deepEqual(await lastDifferences(floor), []);
    assert.deepEqual(await openAlerts(floor), []);
    await floor.assertBooks();
  }));

Deno.test("an order that the network delivered twice halts the account", () =>
  withExchangeFloor("truth_twice", async (floor) => {
    floor.simulator.faults.add(faultOfNextOrder("duplicate"));
    const user = await bought(floor);
    assert.equal(floor.held(user, "BTC"), "0.0016567/0.00164");
    await compareTwice(floor);

    assert.deepEqual(await openAlerts(floor), ["order_unexplained"]);
    const [account] = await floor.sql`select state from trading.trading_states where scope = 'account'`;
    assert.equal(account!["state"], "halted");
    const [position] = await floor
      .sql`select status, trim_scale(quantity)::text as quantity from public.positions`;
    assert.deepEqual({ ...position }, { status: "open", quantity: "0.00164835" });
    await floor.assertBooks();
  }));
