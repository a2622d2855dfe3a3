/** The Binance venue: the function's worker and adapter, and the simulator in the exchange's place. */
import { hireTrader } from "../../scripts/lib/desk.ts";
import { fixed } from "../../simulator/core/fixed.ts";
import type { MarketMove } from "../../simulator/engine/market_moves.ts";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";
import { type ExchangeFloor, openExchangeFloor } from "../harness/exchange_floor.ts";
import { listedBy } from "../harness/listings.ts";
import { DeskWorld } from "./desk_world.ts";
import {
  type Book,
  DEEP,
  DEFAULT_CASH,
  DEFAULT_LIMITS,
  type Hiring,
  type Level,
  type Trader,
  type World,
} from "./world.ts";

class BinanceWorld extends DeskWorld {
  readonly venue = "binance";

  constructor(readonly floor: ExchangeFloor) {
    super(floor.sql);
  }

  now(): number {
    return this.floor.clock.now();
  }

  async hire({ cash = DEFAULT_CASH, settings, limits, colleague }: Hiring = {}): Promise<Trader> {
    const { id, email } = this.nextName();
    const live = { ...settings, paper_trade_mode: false };
    if (colleague === undefined) {
      const user = await this.floor.hire({ USDT: cash }, live, limits ?? DEFAULT_LIMITS, id);
      return this.hired({ id, userId: user.id });
    }
    const { userId } = colleague;
    await hireTrader(this.sql, { id, userId, name: email, settings: live, limits: limits ?? DEFAULT_LIMITS });
    return this.hired({ id, userId });
  }

  /** Accounts of past scenes are not compared any more: all of them share one request budget. */
  override async end(): Promise<void> {
    await super.end();
    await this.sql`
      select trading.end_exchange_key(k.id, 'scene_over', ${new Date(this.now())})
        from trading.exchange_keys k where k.is_active`;
  }

  settle(): Promise<void> {
    return this.floor.settle();
  }

  protected wait(ms: number): Promise<void> {
    return this.floor.pass(ms);
  }

  protected moveMarket(symbol: string, { bids, asks, shown }: Book): void {
    const levels = (side: readonly Level[]) =>
      side.map(([price, quantity]) => ({ price: fixed(price), quantity: fixed(quantity) }));
    const price = fixed(shown?.[0] ?? bids[0]![0]);
    const trade: MarketMove = { kind: "trade", price, quantity: fixed(DEEP), isBuyerMaker: true };
    this.floor.simulator.move(symbol, { kind: "book", bids: levels(bids), asks: levels(asks) });
    this.floor.simulator.move(symbol, trade);
  }

  protected listed(): Promise<readonly Instrument[]> {
    return listedBy(this.floor.simulator);
  }

  protected setListing(symbol: string, status: "TRADING" | "HALT"): void {
    this.floor.simulator.state.markets.get(symbol)!.rules.status = status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.floor.close();
  }
}

/** A world of its own on the simulator. */
export async function openBinanceWorld(): Promise<World> {
  const world = new BinanceWorld(await openExchangeFloor("contract_binance"));
  await world.open();
  return world;
}
