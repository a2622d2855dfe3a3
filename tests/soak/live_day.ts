/**
 * A calm day of live trading in virtual time: the world of the fault simulation (migrations, worker, adapter, simulated
 * exchange) without its faults, and with its invariants.
 */
import { type Fixed, fixed, formatShort } from "../../simulator/core/fixed.ts";
import { forgetOldest } from "../../simulator/engine/history.ts";
import { checkBooks } from "../../scripts/lib/desk.ts";
import type { TestDatabase } from "../harness/database.ts";
import { Dice } from "../simulation/dice.ts";
import type { Violation } from "../simulation/books.ts";
import { afterHealing, heal } from "../simulation/healing.ts";
import { Truth } from "../simulation/truth.ts";
import { connect, type LiveUser, type MarketState, World } from "../simulation/world.ts";
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

const FIRST_PRICES = { BTCUSDT: "60000", ETHUSDT: "3000", SOLUSDT: "150" } as const;
type Traded = keyof typeof FIRST_PRICES;
const SYMBOLS = Object.keys(FIRST_PRICES) as Traded[];
const USERS = 2;
const HELD = 6;
const WORKERS = 2;
const STEPS_PER_DECISION = MINUTE_MS / STEP_MS;
/** The books are compared with the exchange so often. */
const STEPS_PER_LOOK = 5 * MINUTE_MS / STEP_MS;
const STEPS_PER_HOUR = HOUR_MS / STEP_MS;
/** What the exchange keeps of a symbol: an hour and a half of closed orders, and what a question for trades is answered. */
const ORDERS_KEPT = 100;
const TRADES_KEPT = 1_000;
const TICK: Fixed = 1_000_000n; // 0.01
const BPS = 10_000n;
const WORDS_KEPT = 10;

/** Plays the day in a fresh copy of the migrated database. `harm` is for tests: it spoils something before the last look. */
export async function playLiveDay(
  database: TestDatabase,
  options: DayOptions,
  harm: (world: World) => Promise<void> = () => Promise.resolve(),
): Promise<DayResult> {
  const sql = connect(database);
  try {
    const world = new World(sql, options.seed, WORKERS, (venue) => venue, () => Promise.resolve());
    const day = new LiveDay(world, options.seed);
    await day.begin();
    const steps = Math.round(options.hours * HOUR_MS / STEP_MS);
    for (let step = 1; step <= steps; step++) {
      await day.step(step);
      await options.afterStep(step / steps, sql);
    }
    await harm(world);
    return { steps, ...await day.end() };
  } finally {
    await sql.end({ timeout: 2 });
  }
}

class LiveDay {
  readonly #dice: Dice;
  readonly #truth = new Truth();
  readonly #prices = new Map<Traded, Fixed>(SYMBOLS.map((symbol) => [symbol, fixed(FIRST_PRICES[symbol])]));
  readonly #violations: Violation[] = [];

  constructor(private readonly world: World, seed: number) {
    this.#dice = new Dice(seed, "live day");
  }

  async begin(): Promise<void> {
    const { world } = this;
    await world.open([...SYMBOLS, "BNBUSDT"], true);
    const bnb = fixed("600");
    await world.price("BNBUSDT", around(bnb, bnb), false);
    await this.#tick();
    for (let n = 0; n < USERS; n++) {
      await world.hire(this.#dice, { USDT: "10000" }, [{ sizing_value: 100, max_slippage_percent: 0.5 }]);
    }
    world.ring();
    await world.turns.run(STEP_MS);
  }

  async step(step: number): Promise<void> {
    const { world } = this;
    await this.#tick();
    if (step % STEPS_PER_DECISION === 0) {
      await this.#decide(world.users[(step / STEPS_PER_DECISION) % world.users.length]!);
      await this.#closeOldest();
    }
    if (step % STEPS_PER_SWEEP === 0) await world.sweep();
    if (step % STEPS_PER_SEAL === 0) await world.sql`select trading.seal_audit()`;
    if (step % STEPS_PER_HOUR === 0) await world.sql`select trading.prune()`;
    world.ring();
    await world.turns.run(STEP_MS);
    if (step % STEPS_PER_LOOK === 0) await this.#look();
    // The story of the day and the exchange's log are nobody's to read; kept, they would be the day's largest objects.
    world.events.length = 0;
    world.simulator.log.length = 0;
  }

  /** Lets everything come to rest and says what is wrong. */
  async end(): Promise<Omit<DayResult, "steps">> {
    const { world } = this;
    const { sql } = world;
    await heal(world, () => this.#tick(0));
    await sql`select trading.seal_audit()`;
    await this.#look();
    this.#violations.push(...this.#truth.lost());
    for await (const violation of afterHealing(world)) this.#violations.push(violation);
    const happened = await countHappenings(sql);
    const done = await pruneAll(sql);
    return {
      wrong: {
        invariants: this.#violations.length,
        done_jobs_after_prune: done,
        ...prefixed("books_after_prune_", await checkBooks(sql)),
        critical_alerts_unresolved: sum(await readCriticalAlerts(sql)),
      },
      words: this.#violations.slice(0, WORDS_KEPT).map((violation) => JSON.stringify(violation)),
      happened,
      alerts: await readCriticalAlerts(sql),
    };
  }

  async #look(): Promise<void> {
    this.#violations.push(...await this.#truth.look(this.world));
    this.#forget();
  }

  /** What is over and was looked at is forgotten, so that what grows is the engine's side. */
  #forget(): void {
    const { state } = this.world.simulator;
    for (const market of state.markets.values()) {
      forgetOldest(state, market, ORDERS_KEPT);
      market.trades.splice(0, market.trades.length - TRADES_KEPT);
    }
    this.#truth.forget(this.world);
  }

  /** A small step of every symbol, up or down. */
  async #tick(most = 12): Promise<void> {
    for (const symbol of SYMBOLS) {
      const before = this.#prices.get(symbol)!;
      const first = fixed(FIRST_PRICES[symbol]);
      // Far from where it began the walk turns back: after a day the prices are still prices.
      const pull = before > first ? -1 : 1;
      const bps = this.#dice.chance(0.52)
        ? pull * this.#dice.between(0, most)
        : -pull * this.#dice.between(0, most);
      const bid = before * (BPS + BigInt(bps)) / BPS / TICK * TICK;
      this.#prices.set(symbol, bid);
      await this.world.price(symbol, around(bid, before), false);
    }
  }

  async #decide(user: LiveUser): Promise<void> {
    const dice = this.#dice;
    const symbol = dice.pick(SYMBOLS);
    const price = this.#prices.get(symbol)!;
    const at = (bps: number) => formatShort(price * (BPS + BigInt(bps)) / BPS / TICK * TICK);
    const levels = {
      entry: at(0),
      stopLoss: at(-dice.between(40, 200)),
      takeProfit: [at(dice.between(40, 200))],
    };
    await this.world.decide(dice, user.traderIds[0]!, symbol, levels);
  }

  async #closeOldest(): Promise<void> {
    const { world } = this;
    const rows = await world.sql<{ id: string; user_id: string }[]>`
      select id, user_id from (
        select p.id, p.user_id, row_number() over (order by p.opened_at desc, p.id) as place
        from public.positions p where p.status in ('open', 'monitoring')) r where r.place > ${HELD}`;
    for (const { id, user_id } of rows) {
      const owner = world.users.find((user) => user.id === user_id)!;
      await world.act(owner, "select public.close_position($1, null, $2)", [id, this.#dice.uuid()]);
    }
  }
}

function around(bid: Fixed, before: Fixed): MarketState {
  const quantity = fixed("1000");
  const ask = bid + TICK;
  return {
    bids: [{ price: bid, quantity }],
    asks: [{ price: ask, quantity }],
    low: bid < before ? bid : before,
    high: ask > before ? ask : before,
  };
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${prefix}${name}`, count]));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
