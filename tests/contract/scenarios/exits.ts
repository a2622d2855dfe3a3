/** How positions end: target, stop, gap, by hand. */
import { enter, expectRow, expectRows, LEVELS, type Scenario } from "../scenario.ts";

export const exits: readonly Scenario[] = [
  {
    name: "a target that the market passes closes the position at the target's price",
    play: async (world) => {
      await enter(world);
      await world.price("BTCUSDT", "63100", "63110");
      await world.settle();
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "take_profit",
        exit_price: "63000",
        pnl: "4.72623",
        dust: "0.00000835",
      });
      await expectRow(
        world,
        "fills",
        { price: "63000", is_maker: true, fee: "0.10332", fee_asset: "USDT" },
        1,
      );
      await expectRows(world, "resting", []);
      await expectRow(world, "signals", { status: "completed" });
    },
  },
  {
    name: "a stop that the market reaches closes the position at the market",
    play: async (world) => {
      await enter(world);
      await world.price("BTCUSDT", "58000", "58010");
      await world.settle();
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "stop_loss",
        exit_price: "58000",
      });
      await expectRow(world, "fills", { price: "58000", is_maker: false }, 1);
    },
  },
  {
    name: "a stop that the market jumps over closes the position on the other side of the gap",
    play: async (world) => {
      await enter(world);
      await world.price("BTCUSDT", "55000", "55010");
      await world.settle();
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "stop_loss",
        exit_price: "55000",
      });
    },
  },
  {
    name: "what a thin book leaves of a stop is guarded, and sold when there are bids again",
    play: async (world) => {
      await enter(world);
      await world.book("BTCUSDT", { bids: [["57900", "0.0006"]], asks: [["58100", "5"]] });
      await world.settle();
      await expectRow(world, "positions", { quantity: "0.00104835" });
      await world.price("BTCUSDT", "57800", "57810");
      await world.pass(20_000);
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "stop_loss",
        exit_quantity: "0.00164",
      });
    },
  },
  {
    name: "a close by hand sells everything at the market and leaves nothing resting",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.close(signal);
      await world.settle();
      await expectRow(world, "positions", {
        status: "closed",
        exit_reason: "manual",
        exit_quantity: "0.00164",
      });
      await expectRows(world, "resting", []);
      await expectRows(world, "stops", []);
    },
  },
  {
    name: "a close of a part sells that part, and the rest is guarded at its new size",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.close(signal, "0.0008");
      await world.settle();
      await expectRow(world, "positions", { status: "open", quantity: "0.00084835" });
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00084", price: "58000" });
      await world.price("BTCUSDT", "57000", "57010");
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_reason: "stop_loss" });
    },
  },
  {
    name: "a close of more than is held sells what is held",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.close(signal, "5");
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_quantity: "0.00164" });
    },
  },
  {
    name: "a part whose rest could not be sold is the whole",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.close(signal, "0.00160");
      await world.settle();
      await expectRow(world, "positions", { status: "closed", exit_quantity: "0.00164" });
    },
  },
  {
    name: "a close twice sells once",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.close(signal);
      await world.close(signal);
      await world.settle();
      await expectRows(world, "fills", [{ side: "BUY" }, { side: "SELL" }]);
    },
  },
  {
    name: "a close into an empty book keeps the position guarded and sells when there are bids",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.book("BTCUSDT", { bids: [], asks: [["60100", "5"]], shown: ["60000", "60100"] });
      await world.close(signal);
      await world.settle();
      await expectRow(world, "positions", { quantity: "0.00164835" });
      await world.price("BTCUSDT", "60000", "60010");
      await world.pass(40_000);
      await expectRow(world, "positions", { status: "closed", exit_reason: "manual" });
      await expectRow(world, "alerts", { code: "exit_failed", is_resolved: true });
    },
  },
  {
    name: "a stop that the market reached while nobody looked is sold at the next look",
    play: async (world) => {
      await enter(world, { ...LEVELS, takeProfit: [] });
      await world.pass(60_000);
      await expectRow(world, "positions", { status: "open" });
      await expectRows(world, "resting", [{ role: "stop_loss", quantity: "0.00164", price: "58000" }]);
      await world.price("BTCUSDT", "57000", "57010");
      await world.pass(4_000);
      await expectRow(world, "positions", { status: "closed", exit_reason: "stop_loss" });
    },
  },
];
