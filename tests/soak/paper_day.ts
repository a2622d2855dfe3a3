/**
 * A day of paper trading in virtual time, with the change of the UTC day: a trader who loses more than it may is stopped,
 * stays stopped until midnight, and may go on afterwards.
 */
import { Decimal } from "decimal.js";
import postgres, { type Sql } from "postgres";
import {
  applyTick,
  asService,
  checkBooks,
  decide,
  hireTrader,
  hireUser,
  listInstruments,
} from "../../scripts/lib/desk.ts";
import { ManualClock } from "../../simulator/core/clock.ts";
import { Drain, LANES, type Worker } from "../../supabase/functions/_shared/app/drain_jobs.ts";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import {
  syntheticInstruments,
  syntheticTicks,
} from "../../supabase/functions/_shared/domain/market/synthetic.ts";
import type { TestDatabase } from "../harness/database.ts";
import { Dice } from "../simulation/dice.ts";
import { TimedEngine } from "../simulation/timed_engine.ts";
import { connect } from "../simulation/world.ts";
import {
  countHappenings,
  type DayOptions,
  type DayResult,
  HOUR_MS,
  MINUTE_MS,
  pruneAll,
  readCriticalAlerts,
  STEP_MS,
  STEPS_PER_SEAL,
  STEPS_PER_SWEEP,
} from "./day.ts";

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT", "DOGEUSDT"] as const;
/** Twelve hours before midnight in UTC: the change of the day is in the middle of a whole day. */
const NOON = Date.UTC(2026, 10, 22, 12);
const MIDNIGHT = Date.UTC(2026, 10, 23);
const TRADERS = 4;
const HELD = 20;
const STEPS_PER_DECISION = 30_000 / STEP_MS;
const STEPS_PER_HOUR = HOUR_MS / STEP_MS;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 100 };
/** The careful trader's: fees alone reach it within an hour or two. */
const DAILY_LOSS = 1;
/** It tries to go on this long before and after midnight. */
const BEFORE_MIDNIGHT_MS = 5 * MINUTE_MS;
const LEVEL_PPM = { least: 1_000, span: 8_000 };
const LAST_STEPS = 720;

/** How the change of the day went; null: the day did not reach midnight, or the trader had not lost enough. */
export interface RollOver {
  readonly wasRefusedBefore: boolean;
  readonly wasResumedAfter: boolean;
  readonly openedAfter: number;
}

/** Plays the day in a fresh copy of the migrated database, from noon unless `startsAt` (ms since the epoch) is given. */
export async function playPaperDay(
  database: TestDatabase,
  options: DayOptions & { readonly startsAt?: number },
): Promise<DayResult & { readonly rollOver: RollOver | null }> {
  const sql = connect(database);
  try {
    const day = new PaperDay(sql, options.seed, options.startsAt ?? NOON);
    await day.begin();
    const steps = Math.round(options.hours * HOUR_MS / STEP_MS);
    for (let step = 1; step <= steps; step++) {
      await day.step(step);
      await options.afterStep(step / steps, sql);
    }
    return { steps, ...await day.end() };
  } finally {
    await sql.end({ timeout: 2 });
  }
}

class PaperDay {
  readonly #clock: ManualClock;
  readonly #engine: TimedEngine;
  readonly #dice: Dice;
  readonly #ticks: Generator<Tick, void, undefined>;
  readonly #quotes = new Map<string, Quote>();
  readonly #traderIds: string[] = [];
  #careful = { id: "", userId: "" };
  #rollOver: { wasRefusedBefore?: boolean; wasResumedAfter?: boolean } = {};

  constructor(private readonly sql: Sql, seed: number, startsAt: number) {
    this.#clock = new ManualClock(startsAt);
    this.#engine = new TimedEngine(sql, this.#clock);
    this.#dice = new Dice(seed, "paper day");
    this.#ticks = syntheticTicks({ seed, symbols: SYMBOLS, startAt: startsAt, periodMs: STEP_MS });
  }

  async begin(): Promise<void> {
    const { sql } = this;
    const { url, secret } = this.#engine;
    await sql`select trading.arm_installation(${url}, ${secret}, 'soak')`;
    this.#engine.tellTime();
    await listInstruments(sql, syntheticInstruments(SYMBOLS));
    const user = await hireUser(sql, "day@floor.test");
    for (let n = 0; n < TRADERS; n++) this.#traderIds.push(await this.#hire(user.id, `trader ${n}`, {}));
    const careful = await hireUser(sql, "careful@floor.test");
    this.#careful = {
      userId: careful.id,
      id: await this.#hire(careful.id, "careful", { max_daily_loss_quote: DAILY_LOSS }),
    };
  }

  #hire(userId: string, name: string, limits: Readonly<Record<string, number>>): Promise<string> {
    return hireTrader(this.sql, {
      id: this.#dice.uuid(),
      userId,
      name,
      settings: { sizing_value: 50, paper_trade_balance: 100_000 },
      limits: { ...LIMITS, ...limits },
    });
  }

  async step(step: number): Promise<void> {
    const { sql } = this;
    await this.#tick();
    if (step % STEPS_PER_DECISION === 0) {
      await this.#decide(this.#traderIds[(step / STEPS_PER_DECISION) % TRADERS]!);
      await this.#closeBeyond(HELD);
    }
    if (step % (4 * STEPS_PER_DECISION) === 0) await this.#decide(this.#careful.id);
    if (step % STEPS_PER_SWEEP === 0) await this.#sweep();
    if (step % STEPS_PER_SEAL === 0) await sql`select trading.seal_audit()`;
    if (step % STEPS_PER_HOUR === 0) await sql`select trading.prune()`;
    await this.#work();
    await this.#aroundMidnight();
  }

  /** Closes everything and says what is wrong. */
  async end(): Promise<Omit<DayResult, "steps"> & { rollOver: RollOver | null }> {
    const { sql } = this;
    for (let step = 0; step < LAST_STEPS && await this.#closeBeyond(0) > 0; step++) {
      await this.#work();
      await this.#tick();
      await this.#sweep();
    }
    await this.#work();
    await sql`select trading.seal_audit()`;
    const happened = await countHappenings(sql);
    const rollOver = await this.#readRollOver();
    const done = await pruneAll(sql);
    const [left] = await sql<{ n: number }[]>`
      select count(*)::int as n from public.positions where status not in ('closed', 'failed')`;
    const books = await checkBooks(sql);
    const alerts = await readCriticalAlerts(sql);
    return {
      rollOver,
      wrong: {
        positions_left: left!.n,
        done_jobs_after_prune: done,
        ...Object.fromEntries(
          Object.entries(books).map(([name, count]) => [`books_after_prune_${name}`, count]),
        ),
        // That the careful trader is stopped again is what its limit is for.
        critical_alerts_unresolved: Object.entries(alerts).filter(([code]) => code !== "daily_loss")
          .reduce((sum, [, n]) => sum + n, 0),
      },
      words: [],
      happened,
      alerts,
    };
  }

  async #tick(): Promise<void> {
    this.#clock.advance(STEP_MS);
    const { value } = this.#ticks.next();
    if (!value) throw new Error("the synthetic market has ended");
    const quotes = value.quotes.map((quote) => ({ ...quote, observedAt: this.#clock.now() }));
    for (const quote of quotes) this.#quotes.set(quote.symbol, quote);
    this.#engine.tellTime();
    await applyTick(this.sql, quotes);
  }

  async #sweep(): Promise<void> {
    await this.#engine.expireLeases();
    await this.sql`select trading.sweep()`;
  }

  async #work(): Promise<void> {
    const worker: Worker = {
      name: "day",
      engine: this.#engine,
      log: () => {},
      elapsedMs: () => 0,
      exchange: {
        venueOf: () => {
          throw new Error("nobody trades live on this day");
        },
        secrets: { open: () => Promise.reject(new Error("nobody has a key on this day")) },
        monotonicMs: () => this.#clock.now(),
        sleep: () => Promise.resolve(),
      },
    };
    await new Drain(worker, await this.#engine.claim(worker.name, LANES)).run();
  }

  async #decide(traderId: string): Promise<void> {
    const symbol = this.#dice.pick(SYMBOLS);
    const { ask } = this.#quotes.get(symbol)!;
    const level = (sign: number) =>
      new Decimal(ask).mul(1_000_000 + sign * (LEVEL_PPM.least + this.#dice.between(0, LEVEL_PPM.span)))
        .div(1_000_000).toDecimalPlaces(8).toFixed();
    const levels = { entry: ask, stopLoss: level(-1), takeProfit: [level(1)] };
    const [signalId, analysisId] = [this.#dice.uuid(), this.#dice.uuid()];
    await decide(this.sql, [{ signalId, analysisId, traderId, symbol, confidence: 80, levels }]);
  }

  /** Closes what is open beyond so many, the oldest first; returns how many that were. */
  async #closeBeyond(held: number): Promise<number> {
    const rows = await this.sql<{ id: string }[]>`
      select id from (
        select p.id, row_number() over (order by p.opened_at desc, p.id) as place
        from public.positions p where p.status in ('open', 'monitoring', 'closing')) r where r.place > ${held}`;
    await asService(this.sql, async (tx) => {
      for (const { id } of rows) await tx`select public.close_position(${id}, p_request_id => ${id})`;
    });
    return rows.length;
  }

  /** The careful trader's owner tries to go on shortly before midnight and shortly after it. */
  async #aroundMidnight(): Promise<void> {
    const left = MIDNIGHT - this.#clock.now();
    if (this.#rollOver.wasRefusedBefore === undefined && left > 0 && left <= BEFORE_MIDNIGHT_MS) {
      if (await this.#isStopped()) this.#rollOver.wasRefusedBefore = !await this.#resume();
    }
    if (
      this.#rollOver.wasRefusedBefore !== undefined && this.#rollOver.wasResumedAfter === undefined &&
      left < 0
    ) {
      this.#rollOver.wasResumedAfter = await this.#resume();
    }
  }

  async #isStopped(): Promise<boolean> {
    const rows = await this.sql`
      select from trading.loss_trips where rule = 'daily_loss' and resumed_at is null`;
    return rows.length > 0;
  }

  /** Whether the owner's command was carried out. */
  async #resume(): Promise<boolean> {
    const claims = JSON.stringify({ role: "authenticated", sub: this.#careful.userId });
    try {
      await this.sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${claims}, true)`;
        await tx`select public.resume_trading('trader', ${this.#careful.id}, 'a new day')`;
      });
      return true;
    } catch (error) {
      if (error instanceof postgres.PostgresError && /^cause_stands/.test(error.message)) return false;
      throw error;
    }
  }

  async #readRollOver(): Promise<RollOver | null> {
    const { wasRefusedBefore, wasResumedAfter } = this.#rollOver;
    if (wasRefusedBefore === undefined || wasResumedAfter === undefined) return null;
    const [row] = await this.sql<{ n: number }[]>`
      select count(*)::int as n from public.positions
      where trader_id = ${this.#careful.id} and opened_at > ${new Date(MIDNIGHT)}`;
    return { wasRefusedBefore, wasResumedAfter, openedAfter: row!.n };
  }
}
