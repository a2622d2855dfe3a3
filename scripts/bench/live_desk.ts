/** The market of the live benchmarks: it stands at a price, at the exchange and in the engine's quotes. */
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { applyTick } from "../lib/desk.ts";
import type { LiveUser } from "../lib/live_desk.ts";
import type { SimulatorProcess } from "../lib/simulator_process.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";

/** A stack, its exchange, and who trades there. */
export interface LiveBench {
  readonly stack: ThrowawayStack;
  readonly simulator: SimulatorProcess;
  readonly symbols: readonly string[];
  readonly traders: readonly { readonly user: LiveUser; readonly traderId: string }[];
  readonly log: (line: string) => void;
}

const INTERVAL_MS = 1_000;

/** Moves the exchange to the price, and gives the engine a fresh quote once a second until it is stopped. */
export async function startLiveFeed(
  { stack, simulator, symbols }: LiveBench,
): Promise<{ stop(): Promise<void> }> {
  const tick = async () => {
    const quotes = symbols.map((symbol) => quoteOf(symbol, Date.now()));
    for (const quote of quotes) await simulator.move(quote);
    await applyTick(stack.sql, quotes);
  };
  await tick();
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      if (!isStopped) await tick();
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

function quoteOf(symbol: string, observedAt: number): Quote {
  return {
    symbol,
    bid: "100",
    bidQty: "8000",
    ask: "100.01",
    askQty: "8000",
    last: "100",
    high: "100",
    low: "100",
    observedAt,
    source: "synthetic",
  };
}
