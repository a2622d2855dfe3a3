/** What a worker's invocation needs to speak to exchanges. */
import type { Exchange } from "../ports/exchange.ts";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { venueOf } from "./binance/venue_of.ts";
import { SecretsRpc } from "./secrets_rpc.ts";

/** Exchanges by the function's environment; nothing of them is loaded before the first live call. */
export function exchangeOf(environment: FunctionEnvironment): Exchange {
  return {
    venueOf: (name) => venueOf(name, Deno.env.toObject()),
    secrets: new SecretsRpc(environment),
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}
