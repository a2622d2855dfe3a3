/** The paper venue: everything happens in SQL. There is no key, no network and no exchange to ask. */
import postgres, { type Sql } from "postgres";
import { hireTrader, hireUser } from "../../scripts/lib/desk.ts";
import { ManualClock } from "../../simulator/core/clock.ts";
import { Simulator } from "../../simulator/simulator.ts";
import { Drain, LANES, type Worker } from "../../supabase/functions/_shared/app/drain_jobs.ts";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";
import { cloneDatabase, type TestDatabase } from "../harness/database.ts";
import { listedBy } from "../harness/listings.ts";
import { SqlEngine } from "../harness/sql_engine.ts";
import { DeskWorld } from "./desk_world.ts";
import { DEFAULT_CASH, DEFAULT_LIMITS, type Hiring, OPENS_AT, type Trader, type World } from "./world.ts";

class PaperWorld extends DeskWorld {
  readonly venue = "paper";
  readonly #engine: SqlEngine;
  readonly #statuses = new Map<string, "TRADING" | "HALT">();
  #now = OPENS_AT;

  constructor(readonly database: TestDatabase, sql: Sql) {
    super(sql);
    this.#engine = new SqlEngine(sql);
  }

  override async open(): Promise<void> {
    await this.sql`select trading.arm_installation(${this.#engine.url}, ${this.#engine.secret}, 'test')`;
    await super.open();
  }

  now(): number {
    return this.#now;
  }

  async hire({ cash = DEFAULT_CASH, settings, limits, colleague }: Hiring = {}): Promise<Trader> {
    const { id, email } = this.nextName();
    const userId = colleague?.userId ?? (await hireUser(this.sql, email)).id;
    await hireTrader(this.sql, {
      id,
      userId,
      name: email,
      settings: { paper_trade_balance: cash, ...settings },
      limits: limits ?? DEFAULT_LIMITS,
    });
    return this.hired({ id, userId });
  }

  async settle(): Promise<void> {
    const claim = await this.#engine.claim("paper", LANES);
    await new Drain(this.#worker(), claim).run();
  }

  #worker(): Worker {
    const isAsked = (): never => {
      throw new Error("The paper venue asks nobody.");
    };
    return {
      name: "paper",
      engine: this.#engine,
      log: () => {},
      elapsedMs: () => 0,
      exchange: {
        venueOf: isAsked,
        secrets: { open: isAsked },
        monotonicMs: () => this.#now,
        sleep: isAsked,
      },
    };
  }

  protected async wait(ms: number): Promise<void> {
    this.#now += ms;
    await this.sql`select trading.set_clock(${new Date(this.#now)})`;
  }

  /** The quotes are the market. */
  protected moveMarket(): void {}

  protected async listed(): Promise<readonly Instrument[]> {
    const listed = await listedBy(new Simulator(new ManualClock(this.#now), 1));
    return listed.map((it) => ({ ...it, status: this.#statuses.get(it.symbol) ?? it.status }));
  }

  protected setListing(symbol: string, status: "TRADING" | "HALT"): void {
    this.#statuses.set(symbol, status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.end({ timeout: 2 });
    await this.database.drop();
  }
}

/** A paper world of its own. */
export async function openPaperWorld(): Promise<World> {
  const database = await cloneDatabase("contract_paper");
  const world = new PaperWorld(database, postgres(database.url, { max: 4, onnotice: () => {} }));
  await world.open();
  return world;
}
