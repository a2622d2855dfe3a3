/** Market entries: sent as a limit that takes, with a cap. */
import type { Book } from "../world.ts";
import { enter, expectRow, expectRows, LEVELS, type Scenario } from "../scenario.ts";

/** The feed still shows an offer that is gone. */
const GONE: Book = { bids: [["60000", "5"]], asks: [["62000", "5"]], shown: ["60000", "60010"] };

export const entries: readonly Scenario[] = [
  {
    name: "a market entry fills at the ask, pays its fee in the asset bought and rests its stop and target",
    play: async (world) => {
      await enter(world);
      await expectRow(world, "positions", {
        status: "open",
        quantity: "0.00164835",
        cost: "99.0165",
        entry_price: "60010",
        fees: "0.0990165",
      });
      await expectRow(world, "orders", {
        type: "LIMIT",
        time_in_force: "IOC",
        price: "60310.05",
        state: "filled",
      });
      await expectRows(world, "fills", [{
        quantity: "0.00165",
        fee: "0.00000165",
        fee_asset: "BTC",
        is_maker: false,
      }]);
      await expectRows(world, "resting", [
        { role: "stop_loss", quantity: "0.00164", price: "58000" },
        { role: "take_profit", quantity: "0.00164", price: "63000" },
      ]);
      await expectRows(world, "stops", [{ trigger: "58000", is_fired: false }]);
    },
  },
  {
    name: "an entry takes several levels of the book up to its cap",
    play: async (world) => {
      await world.book("BTCUSDT", {
        bids: [["60000", "5"]],
        asks: [["60010", "0.0005"], ["60100", "0.0007"], ["60300", "5"]],
      });
      await enter(world);
      await expectRow(world, "positions", { status: "open", entry_quantity: "0.00165", entry_cost: "99.21" });
    },
  },
  {
    name: "what a thin book leaves of an entry expires, and the position is guarded for what it holds",
    play: async (world) => {
      await world.book("BTCUSDT", { bids: [["60000", "5"]], asks: [["60010", "0.0009"], ["61000", "5"]] });
      await enter(world);
      await expectRow(world, "orders", { state: "expired", filled: "0.0009" });
      await expectRow(world, "positions", { status: "open", quantity: "0.0008991" });
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00089" });
      await expectRows(world, "reservations", [{ amount: "0", is_released: true }]);
    },
  },
  {
    name: "an entry that finds nothing below its cap ends without a position, and its signal says so",
    play: async (world) => {
      await world.book("BTCUSDT", GONE);
      await enter(world);
      await expectRow(world, "positions", { status: "failed", failure: "entry_unfilled" });
      await expectRow(world, "signals", { status: "rejected", code: "entry_unfilled" });
      await expectRows(world, "fills", []);
    },
  },
  {
    name: "an entry into an empty book ends without a position",
    play: async (world) => {
      await world.book("BTCUSDT", { ...GONE, asks: [] });
      await enter(world);
      await expectRow(world, "positions", { status: "failed", failure: "entry_unfilled" });
      await expectRows(world, "fills", []);
    },
  },
  {
    name: "a fill too small to be sold again is closed at once as dust",
    play: async (world) => {
      await world.book("BTCUSDT", { bids: [["60000", "5"]], asks: [["60010", "0.00005"], ["62000", "5"]] });
      await enter(world);
      await expectRow(world, "positions", { status: "closed", exit_reason: "dust", dust: "0.00004995" });
      await expectRows(world, "resting", []);
    },
  },
  {
    name: "the same decision twice is one entry",
    play: async (world) => {
      const { signal } = await enter(world);
      await world.decideAgain(signal, "enter_trade", LEVELS);
      await world.settle();
      await expectRows(world, "positions", [{ status: "open" }]);
      await expectRows(world, "fills", [{ side: "BUY" }]);
    },
  },
  {
    name: "a second decision on a signal whose first entry failed is a new entry",
    play: async (world) => {
      await world.book("BTCUSDT", GONE);
      const { signal } = await enter(world);
      await world.price("BTCUSDT", "60000", "60010");
      await world.decideAgain(signal, "enter_trade", LEVELS);
      await world.settle();
      await expectRows(world, "positions", [{ status: "failed" }, { status: "open" }]);
      await expectRow(world, "signals", { status: "in_position", code: null });
    },
  },
];
