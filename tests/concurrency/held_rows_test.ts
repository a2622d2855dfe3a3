/** A transaction that holds one row for long must cost its own position a moment, and nobody else's market. */
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { type ExchangeFloor, withExchangeFloor } from "../harness/exchange_floor.ts";
import { withYard, type Yard } from "./yard.ts";

/** Longer than any tick: one that takes more is waiting for the row. */
const TICK_MS = 5_000;

/** Holds what a statement locks, in a transaction of its own, while the body runs; then it ends as told. */
async function holding(
  sql: Sql,
  [statement, end]: readonly [string, "commit" | "rollback"],
  id: string,
  body: () => Promise<void>,
): Promise<void> {
  const session = await sql.reserve();
  try {
    await session`begin`;
    assert.equal((await session.unsafe(statement, [id])).count, 1);
    await body();
  } finally {
    await session.unsafe(end);
    session.release();
  }
}

/** Fails when a tick waits for what is held, instead of waiting with it. */
async function atOnce(tick: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("a tick waits for a row")), TICK_MS);
  tick.catch(() => {});
  try {
    await Promise.race([tick, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** An open paper position in a symbol, bought at market. */
async function bought(yard: Yard, symbol: string, levels: object): Promise<string> {
  const traderId = await yard.trader((await yard.user()).id);
  const [signalId] = await yard.signals(traderId, 1, symbol);
  await yard.decide(traderId, signalId!, levels);
  await yard.crew(1);
  const [row] = await yard
    .sql`select id from public.positions where signal_id = ${signalId!} and status = 'open'`;
  return row!["id"];
}

async function exits(yard: Yard): Promise<Record<string, string>> {
  const rows = await yard.sql`
    select id, concat_ws(' ', status, exit_reason, trading.money_text(exit_price)) as fate from public.positions`;
  return Object.fromEntries(rows.map((row) => [row["id"], row["fate"]]));
}

Deno.test("a stop whose row is held costs nobody else a price, and fires at its wick once the row is free", () =>
  withYard("held_stop", async (yard) => {
    const levels = { stopLoss: 49_000, takeProfit: [52_000] };
    const held = await bought(yard, "BTCUSDT", levels);
    const free = await bought(yard, "BTCUSDT", levels);
    const other = await bought(yard, "ETHUSDT", { stopLoss: 2_900 });

    const rows = "select from trading.engine_stops where position_id = $1 for update";
    await holding(yard.sql, [rows, "rollback"], held, async () => {
      await atOnce(yard.price("BTCUSDT", { bid: "50000", ask: "50001", low: "48900" }));
      // What its tick did to the stop counts before what a later one does to the target.
      await atOnce(yard.price("BTCUSDT", { bid: "52100", ask: "52101" }));
      await atOnce(yard.price("BTCUSDT", { bid: "50500", ask: "50501" }));
      await atOnce(yard.price("ETHUSDT", { bid: "2890", ask: "2891" }));
      await yard.crew(2);
      const looks = await yard
        .sql`select key from trading.jobs where kind = 'sync' and position_id = ${held}`;
      assert.deepEqual([...looks], []);
      assert.deepEqual(await exits(yard), {
        [held]: "open",
        [free]: "closed stop_loss 49000",
        [other]: "closed stop_loss 2890",
      });
    });

    await yard.price("ETHUSDT", { bid: "2950", ask: "2951" });
    await yard.crew(2);
    assert.equal((await exits(yard))[held], "closed stop_loss 49000");
    assert.equal((await yard.sql`select from trading.held_crossings`).length, 0);
    await yard.assertBooks();
  }));

Deno.test("a stop that was moved below the wick while its row was held does not fire for it", () =>
  withYard("held_and_moved", async (yard) => {
    const moved = await bought(yard, "BTCUSDT", { stopLoss: 49_000 });
    const move = "update trading.engine_stops set trigger_price = 48000 where position_id = $1";
    await holding(yard.sql, [move, "commit"], moved, async () => {
      await atOnce(yard.price("BTCUSDT", { bid: "50000", ask: "50001", low: "48900" }));
    });
    await yard.price("BTCUSDT", { bid: "50000", ask: "50001" });
    await yard.crew(1);
    assert.equal((await exits(yard))[moved], "open");
    assert.equal((await yard.sql`select from trading.held_crossings`).length, 0);
  }));

async function restingEntry(floor: ExchangeFloor): Promise<string> {
  const user = await floor.hire({ USDT: "10000" }, {
    entry_order_type: "limit",
    entry_timeout_seconds: 3_600,
  });
  await floor.decide(user, "BTCUSDT", { entry: 59_000, stopLoss: 57_000, takeProfit: [63_000] });
  await floor.settle();
  const [row] = await floor.sql`
    select id from public.orders where role = 'entry' and state = 'working' and user_id = ${user.id}`;
  return row!["id"];
}

async function owed(floor: ExchangeFloor): Promise<Record<string, boolean>> {
  const rows = await floor
    .sql`select order_id as id, owed_at is not null as is_owed from trading.venue_orders`;
  return Object.fromEntries(rows.map((row) => [row["id"], row["is_owed"]]));
}

Deno.test("an order at an exchange whose row is held when a tick reaches it is owed a question once the row is free", () =>
  withExchangeFloor("held_order", async (floor) => {
    const held = await restingEntry(floor);
    const free = await restingEntry(floor);

    const rows = "select from trading.venue_orders where order_id = $1 for update";
    await holding(floor.sql, [rows, "rollback"], held, async () => {
      await atOnce(floor.tick("BTCUSDT", "60000", "60001", { low: "58900" }));
      await floor.pass(1);
      await atOnce(floor.tick("BTCUSDT", "60000", "60001"));
      assert.deepEqual(await owed(floor), { [held]: false, [free]: true });
    });

    await floor.pass(1);
    await floor.tick("BTCUSDT", "60000", "60001");
    assert.deepEqual(await owed(floor), { [held]: true, [free]: true });
    assert.equal((await floor.sql`select from trading.held_crossings`).length, 0);
  }));

Deno.test("a target that the engine keeps is sold after its row was held, wherever the bid has gone", () =>
  withExchangeFloor("held_target", async (floor) => {
    const user = await floor.hire({ USDT: "10000" });
    await floor.decide(user, "BTCUSDT", { stopLoss: 57_000, takeProfit: [63_000, 64_000] });
    await floor.settle();
    const [target] = await floor.sql`
      select position_id as id from trading.engine_targets where not is_at_venue`;
    const sales = async () => {
      const rows = await floor.sql`
        select payload ->> 'reason' as reason from trading.jobs where kind = 'exit' and position_id = ${
        target!["id"]
      }`;
      return rows.map((row) => row["reason"]);
    };

    const rows = "select from trading.engine_targets where position_id = $1 and not is_at_venue for update";
    await holding(floor.sql, [rows, "rollback"], target!["id"], async () => {
      await floor.pass(1);
      await atOnce(floor.tick("BTCUSDT", "64100"));
      assert.deepEqual(await sales(), []);
    });

    await floor.pass(1);
    await floor.tick("BTCUSDT", "60000");
    assert.deepEqual(await sales(), ["take_profit"]);
    assert.equal((await floor.sql`select from trading.held_crossings where kind = 'target'`).length, 0);
  }));

Deno.test("bad quotes cost the good ones nothing while the alert about them is held", () =>
  withYard("held_alert", async (yard) => {
    const refused = async () => {
      await yard.sql`select trading.apply_prices('[{"symbol": "ETHUSDT", "bid": -1, "ask": 1}]')`;
    };
    await refused();
    const [alert] = await yard.sql`select id from public.alerts where code = 'quotes_refused'`;
    const rows = "select from public.alerts where id = $1 for update";
    await holding(yard.sql, [rows, "rollback"], alert!["id"], () => atOnce(refused()));
    await refused();
    const [after] = await yard.sql`select occurrences from public.alerts where code = 'quotes_refused'`;
    assert.equal(after!["occurrences"], 2);
  }));

Deno.test("a tick behind one that hangs gives up after a second and has stored nothing", () =>
  withYard("hanging_tick", async (yard) => {
    const session = await yard.sql.reserve();
    try {
      await session`begin`;
      await session`select trading.apply_prices('[]')`;
      await assert.rejects(atOnce(yard.price("BTCUSDT", { bid: "49000", ask: "49001" })), { code: "55P03" });
    } finally {
      await session`rollback`;
      session.release();
    }
    const [price] = await yard
      .sql`select bid::float8 as bid from public.market_prices where symbol = 'BTCUSDT'`;
    assert.equal(price!["bid"], 50_000);
  }));
