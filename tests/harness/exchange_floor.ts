/**
 * A trading floor with an exchange: a migrated database, the Binance simulator, and workers that are the function's own
 * code between them. Time is the simulator's clock for all of them; it goes by when somebody sleeps or a test says so.
 */
import assert from "node:assert/strict";
import postgres, { type Sql } from "postgres";
import {
  asService,
  decide,
  hireTrader,
  hireUser,
  type Limits,
  listInstruments,
} from "../../scripts/lib/desk.ts";
import { fetchFrom } from "../../simulator/in_process.ts";
import { ManualClock } from "../../simulator/core/clock.ts";
import { fixed } from "../../simulator/core/fixed.ts";
import { deposit } from "../../simulator/engine/accounts.ts";
import type { ApiKey } from "../../simulator/http/keys.ts";
import { Simulator } from "../../simulator/simulator.ts";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import { connectOrders } from "../../supabase/functions/_shared/adapters/binance/ccxt_orders.ts";
import { BinanceVenue } from "../../supabase/functions/_shared/adapters/binance/venue.ts";
import { Drain, LANES, type Worker } from "../../supabase/functions/_shared/app/drain_jobs.ts";
import type { Venue } from "../../supabase/functions/_shared/ports/venue.ts";
import { quoteOf } from "../integration/floor.ts";
import { assertBooks } from "./books.ts";
import { cloneDatabase, type TestDatabase } from "./database.ts";
import { listedBy } from "./listings.ts";
import { SqlEngine, SqlSecrets } from "./sql_engine.ts";

const STARTS_AT = Date.UTC(2026, 10, 22, 12);
const LIVE_LIMITS: Limits = {
  max_position_quote: 1_000,
  max_exposure_quote: 10_000,
  max_open_positions: 100,
};
const CONNECTIONS = 8;
/** Macrotasks that go by before a silence counts: a request's body is read in a few of them. */
const SILENT_TURNS = 4;

/** A user with an account at the exchange and a trader that trades it. */
export interface LiveUser {
  readonly id: string;
  readonly traderId: string;
  readonly accountId: string;
  /** The account's name in the simulator. */
  readonly exchangeAccount: string;
  readonly key: ApiKey;
}

/** See the top of the file. Open with {@link openExchangeFloor}, close with `close`. */
export class ExchangeFloor {
  readonly clock = new ManualClock(STARTS_AT);
  readonly simulator: Simulator;
  readonly engine: SqlEngine;
  readonly venue: Venue;
  readonly log: { event: string; facts: unknown }[] = [];
  #users = 0;
  #deadlines: { readonly at: number; readonly controller: AbortController }[] = [];

  constructor(readonly database: TestDatabase, readonly sql: Sql, seed: number) {
    this.simulator = new Simulator(this.clock, seed);
    this.engine = new SqlEngine(sql);
    const client = connectOrders("http://exchange.test", this.#outside());
    this.venue = new BinanceVenue(() => Promise.resolve(client), this.#outside());
  }

  #outside() {
    return {
      send: fetchFrom(this.simulator),
      now: () => this.clock.now(),
      monotonicMs: () => this.clock.now(),
      sleep: (ms: number) => this.clock.sleep(ms),
      deadline: (ms: number) => this.#deadline(ms),
    };
  }

  /** Deadlines pass when time does, but time never goes on because of them: a call that hangs has somebody who sleeps. */
  #deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#deadlines.push({ at: this.clock.now() + ms, controller });
    return controller.signal;
  }

  /** Opens an exchange account with these balances and a live trader over it; what it holds has been asked for. */
  async hire(
    balances: Readonly<Record<string, string>>,
    settings = {},
    limits: Limits = LIVE_LIMITS,
    id?: string,
  ): Promise<LiveUser> {
    const name = `live${++this.#users}`;
    const user = await hireUser(this.sql, `${name}@floor.test`);
    const account = this.simulator.openAccount(name);
    for (const [asset, free] of Object.entries(balances)) {
      deposit(this.simulator.state, name, asset, fixed(free));
    }
    const key = this.simulator.addKey(name);
    const uid = String(account.uid);
    const [row] = await this.sql`
      select trading.connect_exchange_account(${user.id}, 'simulator', ${uid}, ${key.apiKey}, ${key.secret}) as id`;
    const traderId = await hireTrader(this.sql, {
      ...(id === undefined ? {} : { id }),
      userId: user.id,
      name,
      settings: { paper_trade_mode: false, ...settings },
      limits,
    });
    await this.settle();
    return { id: user.id, traderId, accountId: row!["id"], exchangeAccount: name, key };
  }

  /** Lets time go by, for the exchange and for the engine. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    const now = this.clock.now();
    for (const { at, controller } of this.#deadlines) {
      if (at <= now) controller.abort(new DOMException("late", "TimeoutError"));
    }
    this.#deadlines = this.#deadlines.filter(({ at }) => at > now);
    await this.#tellTime();
  }

  async #tellTime(): Promise<void> {
    await this.sql`select trading.set_clock(${new Date(this.clock.now())})`;
  }

  /** Has the engine learn what the exchange lists, and by which rules. */
  async list(): Promise<void> {
    await listInstruments(this.sql, await listedBy(this.simulator));
  }

  /** Moves the exchange's market to a price, and hands the engine the quote. */
  async price(
    symbol: string,
    bid: string,
    ask = bid,
    extremes: { low?: string; high?: string } = {},
  ): Promise<void> {
    await this.pass(1);
    this.trade(symbol, bid, ask);
    await this.tick(symbol, bid, ask, extremes);
  }

  /** The exchange's market alone: a deep book, and a trade at its bid. What the trade triggers meets that book. */
  trade(symbol: string, bid: string, ask = bid): void {
    const quantity = fixed("1000");
    const step = fixed("0.01");
    const askAt = ask === bid ? fixed(bid) + step : fixed(ask);
    this.simulator.move(symbol, {
      kind: "book",
      bids: [{ price: fixed(bid), quantity }],
      asks: [{ price: askAt, quantity }],
    });
    this.simulator.move(symbol, { kind: "trade", price: fixed(bid), quantity, isBuyerMaker: true });
  }

  /** The engine's quote alone. */
  async tick(
    symbol: string,
    bid: string,
    ask = bid,
    extremes: { low?: string; high?: string } = {},
  ): Promise<void> {
    const quote = quoteOf(symbol, { bid, ask, ...extremes }, this.clock.now());
    await this.sql`select trading.apply_prices(${this.sql.json([quoteRow(quote)] as never)})`;
  }

  /** An `enter_trade`; returns the signal's id. */
  async decide(user: LiveUser, symbol: string, levels: Readonly<Record<string, unknown>>): Promise<string> {
    const signalId = crypto.randomUUID();
    await decide(this.sql, [{ signalId, traderId: user.traderId, symbol, confidence: 80, levels }]);
    return signalId;
  }

  worker(name: string): Worker {
    return {
      name,
      engine: this.engine,
      log: (_level, event, facts) => void this.log.push({ event, facts }),
      elapsedMs: () => 0,
      exchange: {
        venueOf: () => this.venue,
        secrets: new SqlSecrets(this.engine),
        monotonicMs: () => this.clock.now(),
        sleep: (ms) => this.clock.sleep(ms),
      },
    };
  }

  /** One worker drains what is due now. While everybody sleeps, time goes on to who wakes first. */
  async work(name = "worker"): Promise<void> {
    const claim = await this.engine.claim(name, LANES);
    await this.whileAwake(new Drain(this.worker(name), claim).run());
  }

  /** Waits for work and lets time go by where all of it sleeps. */
  async whileAwake<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = work.finally(() => isOver = true);
    over.catch(() => {});
    let silent = 0;
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      silent = this.engine.underWay === 0 ? silent + 1 : 0;
      if (silent > SILENT_TURNS && this.clock.nextWake() !== null) {
        await this.pass(Math.max(0, this.clock.nextWake()! - this.clock.now()));
        silent = 0;
      }
    }
    return await over;
  }

  /** Works, sweeps and lets time go by until nothing is left to do within `ms`. */
  async settle(ms = 0): Promise<void> {
    const until = this.clock.now() + ms;
    for (;;) {
      await this.work();
      const [row] = await this.sql<{ due: Date | null }[]>`
        select min(due_at) as due from trading.jobs where status = 'queued'`;
      const due = row?.due?.getTime();
      if (due === undefined || due > until) break;
      await this.pass(Math.max(0, due - this.clock.now()));
    }
    if (this.clock.now() < until) await this.pass(until - this.clock.now());
  }

  async sweep(): Promise<void> {
    await this.sql`select trading.sweep()`;
  }

  /** A command as the service role would call it. */
  command(text: string, args: readonly (string | null)[]): Promise<void> {
    return asService(this.sql, (tx) => tx.unsafe(text, [...args]));
  }

  /** Free and locked of an asset at the exchange, without the zeros at the end. */
  held(user: LiveUser, asset: string): string {
    const balance = this.simulator.state.accounts.get(user.exchangeAccount)!.balances.get(asset);
    return balance === undefined ? "0/0" : `${short(balance.free)}/${short(balance.locked)}`;
  }

  /** Fails unless every book is zero. */
  assertBooks(): Promise<void> {
    return assertBooks(this.sql);
  }

  /** Fails unless the ledger of an account is, asset by asset, what the exchange holds, free and locked. */
  async assertLedger({ accountId, exchangeAccount }: LiveUser, words = "the ledger"): Promise<void> {
    const rows = await this.sql<{ asset: string; amount: string }[]>`
      select asset, trim_scale(sum(amount))::text as amount from trading.balances
      where account_id = ${accountId} and bucket in ('cash', 'position', 'dust') group by asset having sum(amount) <> 0`;
    const booked = rows.map(({ asset, amount }): [string, string] => [asset, amount]);
    const held = [...this.simulator.state.accounts.get(exchangeAccount)!.balances]
      .map(([asset, { free, locked }]): [string, string] => [asset, short(free + locked)])
      .filter(([, amount]) => amount !== "0");
    assert.deepEqual(Object.fromEntries(booked), Object.fromEntries(held), words);
  }

  async close(): Promise<void> {
    await this.sql.end({ timeout: 2 });
    await this.database.drop();
  }
}

function short(value: bigint): string {
  const digits = value.toString().padStart(9, "0");
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`.replace(/\.?0+$/, "");
}

/** Opens a floor at noon of a day, with BTC at 60,000 and ETH at 3,000. */
export async function openExchangeFloor(label: string, seed = 1): Promise<ExchangeFloor> {
  const database = await cloneDatabase(label);
  const sql = postgres(database.url, { max: CONNECTIONS, onnotice: () => {} });
  const floor = new ExchangeFloor(database, sql, seed);
  await sql`select trading.arm_installation(${floor.engine.url}, ${floor.engine.secret}, 'test')`;
  await floor.pass(0);
  await floor.list();
  await floor.price("BTCUSDT", "60000", "60000.01");
  await floor.price("ETHUSDT", "3000", "3000.01");
  await floor.price("BNBUSDT", "600", "600.01");
  return floor;
}

/** Runs a body on a floor of its own. */
export async function withExchangeFloor(
  label: string,
  body: (floor: ExchangeFloor) => Promise<void>,
  seed?: number,
): Promise<void> {
  const floor = await openExchangeFloor(label, seed);
  try {
    await body(floor);
  } finally {
    await floor.close();
  }
}
