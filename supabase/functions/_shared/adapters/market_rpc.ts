/** The engine's market commands over the Data API. */
import { z } from "zod";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { instrumentRow, pollPlan, quoteRow, tickEffect } from "../contracts/market_rows.ts";
import type { Instrument, Quote } from "../domain/market/types.ts";
import type { MarketStore, TickEffect } from "../ports/market_store.ts";
import { call, connectTrading } from "./engine_rpc.ts";

/** Stores market data as the service role. Failures are `EngineError`s. */
export class MarketRpc implements MarketStore {
  readonly #client: ReturnType<typeof connectTrading>;
  readonly #isAddressOfOrders: boolean;

  /** `isAddressOfOrders`: production's orders leave from the address that prices are asked for from, not by a proxy. */
  constructor(environment: FunctionEnvironment, isAddressOfOrders: boolean) {
    this.#client = connectTrading(environment);
    this.#isAddressOfOrders = isAddressOfOrders;
  }

  pollPlan(): Promise<ReadonlyMap<string, number | undefined> | null> {
    return call(this.#client, "poll_plan", {}, pollPlan.nullable());
  }

  async heedLimit(silentMs: number): Promise<void> {
    const args = { p_retry_after_ms: silentMs, p_is_address_of_orders: this.#isAddressOfOrders };
    await call(this.#client, "heed_market_limit", args, z.unknown());
  }

  applyPrices(quotes: readonly Quote[]): Promise<TickEffect> {
    return call(this.#client, "apply_prices", { p_quotes: quotes.map(quoteRow) }, tickEffect);
  }

  applyInstruments(instruments: readonly Instrument[], source: string, isFullList: boolean): Promise<number> {
    const args = {
      p_instruments: instruments.map(instrumentRow),
      p_source: source,
      p_is_full_list: isFullList,
    };
    return call(this.#client, "apply_instruments", args, z.number());
  }

  async instrumentsUpdatedAt(): Promise<number | null> {
    const at = await call(this.#client, "instruments_updated_at", {}, z.string().nullable());
    return at === null ? null : Date.parse(at);
  }

  /** Whether a bell's signature is ours and fresh. */
  isBellValid(token: string): Promise<boolean> {
    return call(this.#client, "is_bell_valid", { p_token: token }, z.boolean());
  }
}
