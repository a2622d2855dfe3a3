/** Limit entries: they rest, fill as makers, time out, are cancelled and taken back. */
import { expectRow, expectRows, LEVELS, type Scenario } from "../scenario.ts";
import type { Trader, World } from "../world.ts";

const LIMIT = { settings: { entry_order_type: "limit", entry_timeout_seconds: 60 } };
const BELOW = { ...LEVELS, entry: 59_500 };

async function rest(world: World): Promise<{ readonly trader: Trader; readonly signal: string }> {
  const trader = await world.hire(LIMIT);
  const signal = await world.decide(trader, "BTCUSDT", BELOW);
  await world.settle();
  await expectRow(world, "orders", { type: "LIMIT", time_in_force: "GTC", price: "59500", state: "working" });
  await expectRow(world, "reservations", { amount: "99.96", is_released: false });
  return { trader, signal };
}

export const limits: readonly Scenario[] = [
  {
    name: "a limit entry rests and fills as a maker at its price when the market comes through it",
    play: async (world) => {
      await rest(world);
      await world.price("BTCUSDT", "59400", "59410");
      await world.settle();
      await expectRow(world, "positions", { status: "open", entry_price: "59500", quantity: "0.00167832" });
      await expectRow(world, "fills", { is_maker: true, fee: "0.00000168" });
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00167" });
    },
  },
  {
    name: "a limit entry above the market takes it at once",
    play: async (world) => {
      const trader = await world.hire(LIMIT);
      await world.decide(trader, "BTCUSDT", { ...LEVELS, entry: 60_500 });
      await world.settle();
      await expectRow(world, "positions", { status: "open", entry_price: "60010" });
      await expectRow(world, "fills", { is_maker: false });
    },
  },
  {
    name: "a limit entry that nobody fills is cancelled when its time is over, and its money is free again",
    play: async (world) => {
      await rest(world);
      await world.pass(62_000);
      await expectRow(world, "orders", { state: "cancelled", filled: "0" });
      await expectRow(world, "positions", { status: "failed", failure: "entry_unfilled" });
      await expectRow(world, "reservations", { amount: "0", is_released: true });
    },
  },
  {
    name: "a limit entry that filled in part keeps its part when its time is over",
    play: async (world) => {
      const trader = await world.hire(LIMIT);
      await world.book("BTCUSDT", { bids: [["60000", "5"]], asks: [["60010", "0.001"], ["61000", "5"]] });
      await world.decide(trader, "BTCUSDT", { ...LEVELS, entry: 60_500 });
      await world.settle();
      await expectRow(world, "orders", { state: "partially_filled", filled: "0.001" });
      await world.pass(62_000);
      await expectRow(world, "orders", { state: "cancelled", filled: "0.001" });
      await expectRow(world, "positions", { status: "open", quantity: "0.000999" });
      await expectRow(world, "resting", { role: "stop_loss", quantity: "0.00099" });
    },
  },
  {
    name: "a limit entry that its owner cancels ends without a position",
    play: async (world) => {
      const { signal } = await rest(world);
      await world.cancelEntry(signal);
      await world.settle();
      await expectRow(world, "orders", { state: "cancelled" });
      await expectRow(world, "signals", { status: "rejected", code: "entry_unfilled" });
    },
  },
  {
    name: "a limit entry whose decision is taken back ends without a position",
    play: async (world) => {
      const { signal } = await rest(world);
      await world.decideAgain(signal, "wait");
      await world.settle();
      await expectRow(world, "positions", { status: "failed", failure: "decision_withdrawn" });
    },
  },
  {
    name: "a fill that comes before the cancel wins, and the position is guarded",
    play: async (world) => {
      const { signal } = await rest(world);
      await world.price("BTCUSDT", "59400", "59410");
      await world.cancelEntry(signal);
      await world.settle();
      await expectRow(world, "orders", { state: "filled" });
      await expectRow(world, "positions", { status: "open", quantity: "0.00167832" });
    },
  },
  {
    name: "a close by hand cancels an entry that rests",
    play: async (world) => {
      const { signal } = await rest(world);
      await world.close(signal);
      await world.settle();
      await expectRow(world, "orders", { state: "cancelled" });
      await expectRow(world, "positions", { status: "failed" });
      await expectRows(world, "fills", []);
    },
  },
];
