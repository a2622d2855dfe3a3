/**
 * A program that does nothing and says how much memory that takes; started by `idle_memory.ts`. With `packages` it has loaded
 * and opened what a worker of live orders has: the clients of the Data API, the database and the exchange.
 */
import { parseMemory } from "./memory.ts";

/** Until then what only loading needed is given back. */
const SETTLE_MS = 1_500;

if (Deno.args[0] === "packages") {
  const { createClient } = await import("@supabase/supabase-js");
  const { default: postgres } = await import("postgres");
  const { default: Binance } = await import("ccxt-binance");
  await import("zod");
  createClient("http://127.0.0.1:9", "no key");
  postgres("postgres://nobody@127.0.0.1:9/none");
  new Binance();
}
await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
const memory = parseMemory(await Deno.readTextFile("/proc/self/status"));
console.log(JSON.stringify({ ...memory, heapUsed: Deno.memoryUsage().heapUsed }));
Deno.exit();
