/** What is refused before anything leaves, and what is owned together. */
import { enter, expectRow, expectRows, LEVELS, type Scenario } from "../scenario.ts";

export const refusals: readonly Scenario[] = [
  {
    name: "an entry larger than the free cash is denied",
    play: async (world) => {
      await enter(world, LEVELS, { cash: "50" });
      await expectRow(world, "signals", { status: "rejected", code: "insufficient_balance" });
      await expectRows(world, "orders", []);
    },
  },
  {
    name: "cash that is reserved for one entry is not there for the next",
    play: async (world) => {
      const trader = await world.hire({ cash: "150", settings: { entry_order_type: "limit" } });
      await world.decide(trader, "BTCUSDT", { ...LEVELS, entry: 59_500 });
      await world.decide(trader, "ETHUSDT", { entry: 2_950, stopLoss: 2_900 });
      await world.settle();
      await expectRow(world, "signals", { code: "insufficient_balance" }, 1);
      await expectRows(world, "orders", [{ state: "working" }]);
    },
  },
  {
    name: "an entry below the exchange's least value is denied",
    play: async (world) => {
      await enter(world, LEVELS, { settings: { sizing_value: 4 } });
      await expectRow(world, "signals", { code: "filter_notional" });
    },
  },
  {
    name: "an entry below the exchange's smallest lot is denied",
    play: async (world) => {
      await enter(world, LEVELS, { settings: { sizing_value: 0.3 } });
      await expectRow(world, "signals", { code: "filter_lot_size" });
    },
  },
  {
    name: "a limit entry outside of the exchange's price bounds is denied",
    play: async (world) => {
      const trader = await world.hire({ settings: { entry_order_type: "limit" } });
      await world.decide(trader, "BTCUSDT", { entry: 10_000, stopLoss: 9_000 });
      await world.settle();
      await expectRow(world, "signals", { code: "filter_percent_price_by_side" });
    },
  },
  {
    name: "an entry that could not be sold at its stop is denied",
    play: async (world) => {
      await enter(world, { stopLoss: 45_000 }, { settings: { sizing_value: 6 } });
      await expectRow(world, "signals", { code: "not_exitable" });
    },
  },
  {
    name: "an entry in a symbol that does not trade is denied, and one after it trades again is executed",
    play: async (world) => {
      await world.setStatus("BTCUSDT", "HALT");
      const { trader } = await enter(world);
      await expectRow(world, "signals", { code: "symbol_not_trading" });
      await world.setStatus("BTCUSDT", "TRADING");
      await world.decide(trader, "BTCUSDT", LEVELS);
      await world.settle();
      await expectRow(world, "positions", { status: "open" });
    },
  },
  {
    name: "a position in a symbol that stops trading keeps its stop, and is sold when it trades again",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.setStatus("BTCUSDT", "HALT");
      await world.close(signal);
      await world.settle();
      await expectRow(world, "positions", { quantity: "0.00164835" });
      await expectRow(world, "stops", { trigger: "58000" });
      await world.setStatus("BTCUSDT", "TRADING");
      await world.pass(40_000);
      await expectRow(world, "positions", { status: "closed", exit_reason: "manual" });
    },
  },
  {
    name: "a second decision on a signal with a position changes nothing",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.decideAgain(signal, "enter_trade", { stopLoss: 59_000, takeProfit: [65_000] });
      await world.settle();
      await expectRows(world, "positions", [{ status: "open", stop: "58000" }]);
      await expectRow(world, "signals", { status: "in_position" });
    },
  },
  {
    name: "two positions of one trader in one symbol end by themselves",
    play: async (world) => {
      const { trader } = await enter(world);
      const second = await world.decide(trader, "BTCUSDT", { stopLoss: 57_000, takeProfit: [64_000] });
      await world.settle();
      await expectRows(world, "positions", [{ status: "open" }, { status: "open" }]);
      await world.close(second, "0.0008");
      await world.settle();
      await world.price("BTCUSDT", "57500", "57510");
      await world.settle();
      await expectRows(world, "positions", [
        { status: "closed", exit_reason: "stop_loss", exit_quantity: "0.00164" },
        { status: "open", exit_reason: null, exit_quantity: "0.0008" },
      ]);
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00084", price: "57000" });
    },
  },
  {
    name: "two traders of one owner each have their position",
    play: async (world) => {
      const { trader } = await enter(world);
      const colleague = await world.hire({ colleague: trader });
      await world.decide(colleague, "BTCUSDT", { stopLoss: 57_000, takeProfit: [64_000] });
      await world.settle();
      await world.price("BTCUSDT", "63500", "63510");
      await world.settle();
      await expectRows(world, "positions", [
        { status: "closed", exit_reason: "take_profit" },
        { status: "open", exit_reason: null },
      ]);
    },
  },
];
