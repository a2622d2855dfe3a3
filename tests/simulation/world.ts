/**
 * One world per seed: a migrated database, the simulated exchange, users with live traders, a market, and workers that are
 * the function's own code. All of it goes by one virtual clock and takes its steps one at a time.
 */
import postgres, { type Sql } from "postgres";
import { decide, hireTrader, listInstruments } from "../../scripts/lib/desk.ts";
import { ManualClock } from "../../simulator/core/clock.ts";
import { type Fixed, fixed, formatShort } from "../../simulator/core/fixed.ts";
import { deposit } from "../../simulator/engine/accounts.ts";
import type { Account } from "../../simulator/engine/model.ts";
import { fetchFrom } from "../../simulator/in_process.ts";
import { Simulator } from "../../simulator/simulator.ts";
import { connectOrders } from "../../supabase/functions/_shared/adapters/binance/ccxt_orders.ts";
import { BinanceVenue } from "../../supabase/functions/_shared/adapters/binance/venue.ts";
import { Drain } from "../../supabase/functions/_shared/app/drain_jobs.ts";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import type { Venue } from "../../supabase/functions/_shared/ports/venue.ts";
import type { TestDatabase } from "../harness/database.ts";
import { SqlSecrets } from "../harness/sql_engine.ts";
import { quoteOf } from "../integration/floor.ts";
import {
  type Mishaps,
  Mortal,
  SteppedEngine,
  SteppedSecrets,
  steppedVenue,
  type Tally,
} from "./crash_points.ts";
import { Dice } from "./dice.ts";
import { TimedEngine } from "./timed_engine.ts";
import { Turns } from "./turns.ts";

const STARTS_AT = Date.UTC(2026, 10, 22, 12);
const TAG = "simul8";
/** Jobs that one drain asks for at first. */
const CLAIM = 6;

export interface LiveUser {
  readonly id: string;
  readonly traderIds: readonly string[];
  readonly accountId: string;
  readonly exchange: Account;
  /** What the owner had before the engine came, by asset. */
  readonly own: ReadonlyMap<string, Fixed>;
}

/** What a planted bug may put between a worker and the exchange. */
export type VenueBug = (venue: Venue) => Venue;

export interface Level {
  readonly price: Fixed;
  readonly quantity: Fixed;
}

/** The best prices and what is offered around them. */
export interface MarketState {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly low: Fixed;
  readonly high: Fixed;
}

export class World {
  readonly clock = new ManualClock(STARTS_AT);
  readonly simulator: Simulator;
  readonly engine: TimedEngine;
  readonly turns: Turns;
  readonly startedAt = STARTS_AT;
  readonly users: LiveUser[] = [];
  readonly counts: Tally = new Map();
  readonly events: string[] = [];
  /** How often each client order id was sent to be placed. */
  readonly posts = new Map<string, number>();
  mishaps: Mishaps = { crash: 0, stall: 0, lost: 0 };
  /** What the engine was last told of each symbol. */
  readonly #told = new Map<string, { bid: string; ask: string; low: string; high: string }>();
  readonly #venue: Venue;
  readonly #crew: (Mortal | null)[];
  readonly #crewDice: Dice;
  #hired = 0;
  /** By how much the exchange's clock was ahead from each moment on, in order. */
  readonly #skews: { readonly at: number; readonly ms: number }[] = [{ at: STARTS_AT - 1, ms: 0 }];
  #exchangeChanges = 0;

  constructor(
    readonly sql: Sql,
    readonly seed: number,
    crewSize: number,
    venueBug: VenueBug,
    afterStep: (world: World) => Promise<void>,
  ) {
    this.simulator = new Simulator(this.clock, seed);
    this.engine = new TimedEngine(sql, this.clock);
    this.turns = new Turns(this.clock, new Dice(seed, "turns"), () => afterStep(this));
    this.#crewDice = new Dice(seed, "crew");
    this.#crew = Array.from({ length: crewSize }, () => null);
    const outside = {
      send: this.#watched(fetchFrom(this.simulator)),
      now: () => this.clock.now(),
      monotonicMs: () => this.clock.now(),
      sleep: (ms: number) => this.clock.sleep(ms),
      deadline: (ms: number) => this.turns.deadline(ms),
    };
    const client = connectOrders("http://exchange.test", outside);
    this.#venue = venueBug(new BinanceVenue(() => Promise.resolve(client), outside));
  }

  /** Rises with everything that may have made an invariant untrue. */
  get changes(): number {
    return this.engine.changes + this.#exchangeChanges;
  }

  note(event: string): void {
    this.events.push(`${this.clock.now() - STARTS_AT} ${event}`);
  }

  /** Moves the exchange's clock. */
  skew(ms: number): void {
    this.simulator.skewMs += ms;
    this.#skews.push({ at: this.clock.now(), ms: this.simulator.skewMs });
    this.note(`skew ${this.simulator.skewMs}`);
  }

  /** By how much the exchange's clock was ahead at a moment; of several in the same millisecond the least. */
  skewAt(at: number): number {
    const before = this.#skews.findLast((one) => one.at < at)!;
    return Math.min(before.ms, ...this.#skews.filter((one) => one.at === at).map(({ ms }) => ms));
  }

  /** Seconds since the beginning, for people. */
  get at(): string {
    return `${(this.clock.now() - STARTS_AT) / 1000} s`;
  }

  /** Every request is written down; one that places orders is counted by their ids. */
  #watched(send: typeof fetch): typeof fetch {
    return async (input, init) => {
      const url = new URL(String(input));
      const params = new URLSearchParams(`${url.search.slice(1)}&${String(init?.body ?? "")}`);
      const ids = [...params].filter(([name]) => /ClientOrderId$/.test(name)).map(([name, id]) =>
        `${name}=${id}`
      );
      if (init?.method === "POST" && !url.pathname.endsWith("/order/test")) {
        for (const [name, id] of params) {
          if (/^(new|above|below)ClientOrderId$/.test(name)) {
            this.posts.set(id, (this.posts.get(id) ?? 0) + 1);
          }
        }
      }
      this.note(`${init?.method ?? "GET"} ${url.pathname} ${ids.join(" ")}`);
      try {
        return await send(input, init);
      } finally {
        if (init?.method !== "GET") this.#exchangeChanges++;
      }
    };
  }

  /** Arms the engine and lists the symbols. */
  async open(symbols: readonly string[], hasStopMarket: boolean): Promise<void> {
    await this.sql`update trading.settings set installation_tag = ${TAG}`;
    await this.sql`select trading.arm_installation(${this.engine.url}, ${this.engine.secret}, 'simulation')`;
    this.engine.tellTime();
    const types = hasStopMarket ? ["STOP_LOSS"] : [];
    await listInstruments(
      this.sql,
      symbols.map((symbol) => {
        const instrument = instrumentFor(symbol);
        return { ...instrument, orderTypes: [...instrument.orderTypes, ...types] };
      }),
    );
  }

  /** A user with an account at the exchange, and live traders over it. */
  async hire(
    dice: Dice,
    balances: Readonly<Record<string, string>>,
    traders: readonly object[],
  ): Promise<LiveUser> {
    const name = `live${++this.#hired}`;
    const id = dice.uuid();
    await this.sql`insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at)
      values (${id}, 'authenticated', 'authenticated', ${`${name}@floor.test`}, '', now())`;
    const exchange = this.simulator.openAccount(name);
    for (const [asset, free] of Object.entries(balances)) {
      deposit(this.simulator.state, name, asset, fixed(free));
    }
    const { apiKey, secret } = this.simulator.addKey(name);
    this.engine.tellTime();
    const [row] = await this.sql`
      select trading.connect_exchange_account(${id}, 'simulator', ${
      String(exchange.uid)
    }, ${apiKey}, ${secret}) as id`;
    const traderIds: string[] = [];
    for (const settings of traders) {
      traderIds.push(
        await hireTrader(this.sql, {
          id: dice.uuid(),
          userId: id,
          name: `${name} ${traderIds.length}`,
          settings: { paper_trade_mode: false, ...settings },
          limits: { max_position_quote: 1_000, max_exposure_quote: 10_000, max_open_positions: 100 },
        }),
      );
    }
    const own = new Map(Object.entries(balances).map(([asset, amount]) => [asset, fixed(amount)]));
    const user = { id, traderIds, accountId: row!["id"] as string, exchange, own };
    this.users.push(user);
    return user;
  }

  /** The exchange's market moves, and the engine is told, unless its feed is silent. */
  async price(symbol: string, market: MarketState, isFeedSilent: boolean): Promise<void> {
    const [bid, ask] = [market.bids[0]!.price, market.asks[0]!.price];
    for (const price of [market.high, market.low, bid]) {
      this.simulator.move(symbol, {
        kind: "trade",
        price,
        quantity: fixed("0.001"),
        isBuyerMaker: price !== market.high,
      });
    }
    this.simulator.move(symbol, { kind: "book", bids: market.bids, asks: market.asks });
    this.note(`price ${symbol} ${formatShort(bid)}${isFeedSilent ? " unseen" : ""}`);
    if (isFeedSilent) return;
    this.#told.set(symbol, {
      bid: formatShort(bid),
      ask: formatShort(ask),
      low: formatShort(market.low),
      high: formatShort(market.high),
    });
    await this.tell([symbol]);
  }

  /** Tells the engine the last prices again, as of now: the exchange's market stands still. */
  async tell(symbols: Iterable<string> = this.#told.keys()): Promise<void> {
    this.engine.tellTime();
    const quotes = [...symbols].map((symbol) =>
      quoteRow(quoteOf(symbol, this.#told.get(symbol)!, this.clock.now()))
    );
    await this.sql`select trading.apply_prices(${this.sql.json(quotes as never)})`;
  }

  async decide(
    dice: Dice,
    traderId: string,
    symbol: string,
    levels: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    this.engine.tellTime();
    const [signalId, analysisId] = [dice.uuid(), dice.uuid()];
    await decide(this.sql, [{ signalId, analysisId, traderId, symbol, confidence: 80, levels }]);
  }

  /** A command as the user's own token would call it; what it refuses is no failure of the world. */
  async act(user: LiveUser, text: string, args: readonly (string | null)[]): Promise<string> {
    this.engine.tellTime();
    const claims = JSON.stringify({ role: "authenticated", sub: user.id });
    try {
      await this.sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${claims}, true)`;
        await tx.unsafe(text, [...args]);
      });
      return "done";
    } catch (error) {
      if (error instanceof postgres.PostgresError && error.code.startsWith("FB")) {
        return error.message.split(":", 1)[0]!;
      }
      throw error;
    }
  }

  async sweep(): Promise<void> {
    this.engine.tellTime();
    await this.engine.expireLeases();
    await this.sql`select trading.sweep()`;
  }

  /** A worker that is free begins to drain the queue; nothing happens where all are busy. */
  ring(): void {
    const at = this.#crew.findIndex((one) => one === null || one.isDead);
    if (at < 0) return;
    const name = `w${this.turns.count}.${at}`;
    const mortal = new Mortal(
      name,
      this.turns,
      this.#crewDice,
      () => this.mishaps,
      (event) => this.note(event),
      this.counts,
    );
    this.#crew[at] = mortal;
    void this.#drain(mortal).finally(() => {
      if (this.#crew[at] === mortal) this.#crew[at] = null;
    });
  }

  async #drain(mortal: Mortal): Promise<void> {
    const engine = new SteppedEngine(mortal, this.engine);
    const venue = steppedVenue(mortal, this.#venue);
    const worker = {
      name: mortal.name,
      engine,
      log: (_level: string, event: string, facts: unknown) =>
        this.note(`${mortal.name} ${event} ${JSON.stringify(facts)}`),
      elapsedMs: () => 0,
      exchange: {
        venueOf: () => venue,
        secrets: new SteppedSecrets(mortal, new SqlSecrets(this.engine)),
        monotonicMs: () => this.clock.now(),
        sleep: (ms: number) => this.clock.sleep(ms),
      },
    };
    try {
      await new Drain(worker, await engine.claim(mortal.name, CLAIM)).run();
    } catch (error) {
      // The invocation ended with an error; the jobs that it held are somebody else's when their leases are over.
      this.note(`${mortal.name} ended: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Whether nobody is at work. */
  get isIdle(): boolean {
    return this.#crew.every((one) => one === null || one.isDead);
  }
}

/** Opens the database of a world; one connection, so that commands reach it in the order of the turns. */
export function connect(database: TestDatabase): Sql {
  return postgres(database.url, { max: 1, onnotice: () => {} });
}
