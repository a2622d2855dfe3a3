/** The emergency stop, and what goes on under it. */
import { enter, expectRow, expectRows, LEVELS, type Scenario } from "../scenario.ts";

export const stops: readonly Scenario[] = [
  {
    name: "under a halt an entry is denied and an exit goes on",
    play: async (world) => {
      const { trader, signal } = await enter(world);
      await world.stop(trader, "halt");
      await world.settle();
      await world.decide(trader, "ETHUSDT", { stopLoss: 2_900 });
      await world.settle();
      await expectRows(world, "signals", [{ status: "in_position" }, { status: "rejected" }]);
      await expectRow(world, "signals", { code: "trading_not_active" }, 1);
      await world.close(signal);
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_reason: "manual" });
    },
  },
  {
    name: "under a halt a stop still sells",
    play: async (world) => {
      const { trader } = await enter(world);
      await world.stop(trader, "halt");
      await world.settle();
      await world.price("BTCUSDT", "57000", "57010");
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_reason: "stop_loss" });
    },
  },
  {
    name: "a halt cancels an entry that rests",
    play: async (world) => {
      const trader = await world.hire({ settings: { entry_order_type: "limit" } });
      await world.decide(trader, "BTCUSDT", { ...LEVELS, entry: 59_500 });
      await world.settle();
      await world.stop(trader, "halt");
      await world.pass(4_000);
      await expectRow(world, "orders", { state: "cancelled" });
      await expectRow(world, "reservations", { amount: "0", is_released: true });
    },
  },
  {
    name: "halt and flatten sells every position",
    play: async (world) => {
      const { trader } = await enter(world);
      await world.decide(trader, "ETHUSDT", { stopLoss: 2_900 });
      await world.settle();
      await world.stop(trader, "halt_and_flatten");
      await world.pass(4_000);
      await expectRows(world, "positions", [{ status: "closed" }, { status: "closed" }]);
      await expectRows(world, "resting", []);
    },
  },
  {
    name: "after a resume new decisions are executed, and those made before it are not",
    play: async (world) => {
      const { trader } = await enter(world);
      await world.stop(trader, "halt");
      await world.decide(trader, "ETHUSDT", { stopLoss: 2_900 });
      await world.pass(2_000);
      await world.resume(trader);
      await world.settle();
      await world.decide(trader, "ETHUSDT", { stopLoss: 2_900 });
      await world.settle();
      await expectRows(world, "signals", [{ status: "in_position" }, { status: "rejected" }, {
        status: "in_position",
      }]);
    },
  },
];
