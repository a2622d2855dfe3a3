/** Several targets share what is held. */
import { enter, expectRow, type Scenario } from "../scenario.ts";

const THREE = { stopLoss: 58_000, takeProfit: [61_000, 62_000, 63_000] };
const LARGE = { settings: { sizing_value: 300 } };

export const targets: readonly Scenario[] = [
  {
    name: "each of several targets sells its share, and the last one the rest",
    play: async (world) => {
      await enter(world, THREE, LARGE);
      for (const price of ["61100", "62100", "63100"]) {
        await world.price("BTCUSDT", price, String(Number(price) + 10));
        await world.settle();
      }
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "take_profit",
        exit_quantity: "0.00496",
      });
    },
  },
  {
    name: "after a first target the stop guards what is left",
    play: async (world) => {
      await enter(world, THREE, LARGE);
      await world.price("BTCUSDT", "61100", "61110");
      await world.settle();
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00331", price: "58000" });
      await world.price("BTCUSDT", "57000", "57010");
      await world.settle();
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "stop_loss",
        exit_quantity: "0.00496",
      });
    },
  },
  {
    name: "a market that passes all targets at once sells everything",
    play: async (world) => {
      await enter(world, THREE, LARGE);
      await world.price("BTCUSDT", "64000", "64010");
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_quantity: "0.00496" });
    },
  },
];
