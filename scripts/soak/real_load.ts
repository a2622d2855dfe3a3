/** The real load: so many minutes of decisions, ticks and closes by the wall clock on a stack of its own. */
import { loadNow } from "../bench/machine.ts";
import { closeAll } from "../demo/floor.ts";
import { decide } from "../lib/desk.ts";
import { HotQueries, type Tally } from "./hot_queries.ts";
import { type IdleMemory, measureIdleProcess } from "./idle_memory.ts";
import { type RealDesk, soakDecision, withRealDesk } from "./real_desk.ts";
import { readRealEnd, type RealEnd } from "./real_end.ts";
import { RealMarket } from "./real_market.ts";
import { type Sample, Sampler } from "./sampler.ts";
import { readTableSizes, type TableSize } from "./table_sizes.ts";
import { every, pause, together } from "./timed_loop.ts";

/** How the load is to be. */
export interface RealOptions {
  readonly minutes: number;
  /** Held open at a time, half of them live. */
  readonly positions: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

/** Everything that was seen. */
export interface RealRun {
  readonly samples: readonly Sample[];
  readonly tallies: readonly Tally[];
  /** Null where the system does not tell. */
  readonly idle: Readonly<Record<"bare" | "packages", IdleMemory>> | null;
  /** In the middle of the load and at its end. */
  readonly tables: readonly [middle: TableSize[], end: TableSize[]];
  readonly end: RealEnd;
}

const PAPER_DECISION_MS = 1_000;
const LIVE_DECISION_MS = 3_333;
const CLOSE_MS = 1_000;
const SAMPLE_MS = 10_000;
/** A short run is looked at more often, so that it has its hundred samples, too. */
const SAMPLES_LEAST = 100;
const SAMPLE_LEAST_MS = 250;
const MINUTE_MS = 60_000;
const WARM_UP_SHARE = 0.1;
/** An entry that nobody knows the fate of takes over a minute to be proven never placed. */
const WIND_DOWN_TIMEOUT_MS = 240_000;
const WIND_DOWN_STEP_MS = 500;
const MB = 1_000_000;

/** Runs the load to its end, closes everything, and reads what it came to. Throws when anything of it breaks down. */
export async function runRealLoad(options: RealOptions, signal: AbortSignal): Promise<RealRun> {
  const idle = Deno.build.os === "linux"
    ? { bare: await measureIdleProcess("bare"), packages: await measureIdleProcess("packages") }
    : null;
  options.log("real load: starting a durable stack and an exchange");
  return await withRealDesk(options, signal, async (desk) => {
    const broken = new AbortController();
    desk.stack.database.onRestart(() => broken.abort(new Error("PostgreSQL died during the load")));
    desk.stack.database.onFailure((error) => broken.abort(error));
    const queries = new HotQueries(desk.stack.database.adminUrl);
    try {
      const load = new Load(desk, options, queries, await Sampler.open(desk));
      return { idle, ...await load.run(AbortSignal.any([signal, broken.signal])) };
    } finally {
      await queries.close();
    }
  });
}

class Load {
  readonly #market: RealMarket;
  /** Positions that were asked to close: a second request would change nothing. */
  readonly #asked = new Set<string>();

  constructor(
    private readonly desk: RealDesk,
    private readonly options: RealOptions,
    private readonly queries: HotQueries,
    private readonly sampler: Sampler,
  ) {
    this.#market = new RealMarket(desk, options.seed);
  }

  /** The market runs from before the first decision until the last position is closed. */
  async run(signal: AbortSignal): Promise<Omit<RealRun, "idle">> {
    const { desk, options, queries, sampler } = this;
    const marketOver = new AbortController();
    let tables: RealRun["tables"] = [[], []];
    let tallies: Tally[] = [];
    await this.#market.tick();
    const beganAt = performance.now();
    await together(signal, [
      (signal) => this.#market.run(AbortSignal.any([signal, marketOver.signal])),
      async (signal) => {
        tables = await this.#load(signal);
        tallies = await queries.read();
        options.log("real load: closing everything");
        await this.#windDown(signal);
        marketOver.abort();
      },
    ]).catch((error) => {
      const seconds = Math.round((performance.now() - beganAt) / 1_000);
      throw new Error(`the real load broke off after ${seconds} s: ${error.message}`);
    });
    const end = await readRealEnd(desk, options.log, signal);
    return { samples: sampler.samples, tallies, tables, end };
  }

  /** All of the load side by side; the sizes of the tables in its middle and at its end. */
  async #load(signal: AbortSignal): Promise<RealRun["tables"]> {
    const { backend, liveTraderIds, paperTraderIds, stack } = this.desk;
    const { seed, minutes } = this.options;
    const loadMs = minutes * MINUTE_MS;
    const over = AbortSignal.timeout(loadMs);
    const untilOver = (signal: AbortSignal) => AbortSignal.any([signal, over]);
    const deciding = (kind: "live" | "paper", traderIds: readonly string[]) => (n: number) =>
      decide(backend, [soakDecision(seed, kind, n, traderIds, this.#market.quotes)]);
    const sampleMs = Math.min(SAMPLE_MS, Math.max(SAMPLE_LEAST_MS, loadMs / SAMPLES_LEAST));
    let middle: TableSize[] = [];
    await together(signal, [
      (signal) => every(PAPER_DECISION_MS, untilOver(signal), deciding("paper", paperTraderIds)),
      (signal) => every(LIVE_DECISION_MS, untilOver(signal), deciding("live", liveTraderIds)),
      (signal) => every(CLOSE_MS, untilOver(signal), () => this.#closeOldest()),
      (signal) => every(sampleMs, untilOver(signal), () => this.sampler.take()),
      (signal) => every(MINUTE_MS, untilOver(signal), (minute) => Promise.resolve(this.#tell(minute))),
      async (signal) => {
        await pause(loadMs * WARM_UP_SHARE, untilOver(signal));
        await this.queries.begin();
        await pause(loadMs * (0.5 - WARM_UP_SHARE), untilOver(signal));
        middle = await readTableSizes(stack.sql);
      },
    ]);
    return [middle, await readTableSizes(stack.sql)];
  }

  /** Of each mode, what is open beyond the number that is to be held is closed by hand, the oldest first. */
  async #closeOldest(): Promise<void> {
    const held = Math.floor(this.options.positions / 2);
    const rows = await this.desk.backend<{ id: string }[]>`
      select id from (
        select p.id, p.opened_at, row_number() over (partition by p.is_paper_trade order by p.opened_at desc, p.id) as place
        from public.positions p where p.status in ('open', 'monitoring')) r
      where r.place > ${held}`;
    await this.#close(rows.map(({ id }) => id));
  }

  async #close(ids: readonly string[]): Promise<void> {
    const fresh = ids.filter((id) => !this.#asked.has(id));
    for (const id of fresh) this.#asked.add(id);
    if (fresh.length > 0) await closeAll(this.desk.backend, fresh);
  }

  /** Closes what is open, and what opens meanwhile, until no order and no job is left. */
  async #windDown(signal: AbortSignal): Promise<void> {
    const { backend } = this.desk;
    const until = performance.now() + WIND_DOWN_TIMEOUT_MS;
    while (performance.now() < until) {
      signal.throwIfAborted();
      const open = await backend<{ id: string }[]>`
        select id from public.positions where status not in ('closed', 'failed') order by id`;
      await this.#close(open.map(({ id }) => id));
      const [left] = await backend<{ is_busy: boolean }[]>`
        select exists (select from public.positions where status not in ('closed', 'failed'))
          or exists (select from public.orders where finished_at is null)
          or exists (select from trading.jobs where status in ('queued', 'running')) as is_busy`;
      if (!left!.is_busy) return;
      await pause(WIND_DOWN_STEP_MS, signal);
    }
    throw new Error(
      `positions, orders or jobs were still open ${WIND_DOWN_TIMEOUT_MS / 1_000} s after the load`,
    );
  }

  #tell(minute: number): void {
    const last = this.sampler.samples.at(-1);
    if (last === undefined) return;
    const worker = Math.max(0, ...last.workers.map(({ resident }) => resident));
    this.options.log(
      `  ${minute} of ${this.options.minutes} min: ${last.paperPositions} paper and ${last.livePositions} live positions, ` +
        `queue ${last.queue}, worker ${Math.round(worker / MB)} MB, main ${
          Math.round((last.main?.resident ?? 0) / MB)
        } MB, load ${loadNow()}`,
    );
  }
}
