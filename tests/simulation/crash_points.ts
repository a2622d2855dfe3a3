/**
 * The worker between any two of its steps: before and after each engine command, before a request leaves, after its answer
 * arrived. At each of these points a seed may end the worker, hold it up beyond its send window or its lease, or lose the
 * message between worker and engine.
 */
import type { Claim, Job, JobOutcome } from "../../supabase/functions/_shared/domain/job.ts";
import type { OpenedKey, VenueAnswer } from "../../supabase/functions/_shared/domain/venue.ts";
import { type Engine, EngineError, NO_ANSWER } from "../../supabase/functions/_shared/ports/engine.ts";
import type { Secrets } from "../../supabase/functions/_shared/ports/secrets.ts";
import type { Venue } from "../../supabase/functions/_shared/ports/venue.ts";
import type { Dice } from "./dice.ts";
import type { Turns } from "./turns.ts";

/** How likely each mishap is, at each point. */
export interface Mishaps {
  readonly crash: number;
  readonly stall: number;
  /** A command to the engine that is lost, or whose answer is. */
  readonly lost: number;
}

/** What happened how often, by name. */
export type Tally = Map<string, number>;

export function tally(counts: Tally, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Beyond an exit's window, an entry's window, an answer's deadline, and a lease. */
const STALLS_MS = [1_100, 2_500, 6_000, 35_000] as const;

/** A worker that can end at any moment. After its end none of its promises goes on. */
export class Mortal {
  isDead = false;

  constructor(
    readonly name: string,
    private readonly turns: Turns,
    private readonly dice: Dice,
    private readonly mishaps: () => Mishaps,
    private readonly note: (event: string) => void,
    private readonly counts: Tally,
  ) {}

  /** Takes a turn at a point where the worker may end. */
  async step(point: string): Promise<void> {
    await this.#alive();
    await this.turns.take(`${this.name} ${point}`);
    await this.#alive();
    if (this.dice.chance(this.mishaps().crash)) {
      this.isDead = true;
      tally(this.counts, `crash ${point}`);
      this.note(`${this.name} crash ${point}`);
      await this.#alive();
    }
  }

  /** Nobody ever hears of a dead worker's doings. */
  async #alive(): Promise<void> {
    if (this.isDead) await new Promise<never>(() => {});
  }

  async stall(point: string): Promise<void> {
    if (!this.dice.chance(this.mishaps().stall)) return;
    const ms = this.dice.pick(STALLS_MS);
    tally(this.counts, "stall");
    this.note(`${this.name} stall ${point} ${ms}`);
    await this.turns.clock.sleep(ms);
    await this.step(`${point} resumed`);
  }

  /** A command of the engine's, as one step, with what can become of its message. */
  async command<T>(point: string, run: () => Promise<T>): Promise<T> {
    await this.step(`before ${point}`);
    if (this.dice.chance(this.mishaps().lost)) throw this.#unanswered(point, "request");
    const result = await this.turns.whole(run);
    if (this.dice.chance(this.mishaps().lost)) throw this.#unanswered(point, "answer");
    await this.step(`after ${point}`);
    return result;
  }

  #unanswered(point: string, what: string): EngineError {
    tally(this.counts, `engine ${what} lost`);
    this.note(`${this.name} ${point} ${what} lost`);
    return new EngineError(NO_ANSWER, NO_ANSWER, `the ${what} of the command was lost`);
  }
}

/** An engine whose every command is a step of a mortal worker. */
export class SteppedEngine implements Engine {
  constructor(private readonly worker: Mortal, private readonly engine: Engine) {}

  claim(worker: string, limit: number): Promise<Claim> {
    return this.worker.command("claim", () => this.engine.claim(worker, limit));
  }

  execute(job: Job, nextFor: string | null): Promise<JobOutcome> {
    return this.worker.command("execute", () => this.engine.execute(job, nextFor));
  }

  answer(job: Job, callId: number, answer: VenueAnswer, nextFor: string | null): Promise<JobOutcome> {
    return this.worker.command("answer", () => this.engine.answer(job, callId, answer, nextFor));
  }

  fail(job: Job, error: EngineError): Promise<void> {
    return this.worker.command("fail", () => this.engine.fail(job, error));
  }

  bellToken(): Promise<string> {
    return this.engine.bellToken();
  }
}

/** Keys, opened in a step of a mortal worker. */
export class SteppedSecrets implements Secrets {
  constructor(private readonly worker: Mortal, private readonly secrets: Secrets) {}

  async open(callId: number): Promise<OpenedKey> {
    const opened = await this.worker.command("key", () => this.secrets.open(callId));
    // What goes by from here on counts against the call's window.
    await this.worker.stall("after key");
    return opened;
  }
}

/** A venue before which a worker may be held up, and after which it may end with an answer that nobody is told. */
export function steppedVenue(worker: Mortal, venue: Venue): Venue {
  const stepped = async (ask: () => Promise<VenueAnswer>): Promise<VenueAnswer> => {
    await worker.stall("before send");
    await worker.step("before send");
    const answer = await ask();
    await worker.step("after send");
    await worker.stall("before report");
    return answer;
  };
  return {
    submit: (symbol, order, leave) => stepped(() => venue.submit(symbol, order, leave)),
    submitPair: (symbol, pair, leave) => stepped(() => venue.submitPair(symbol, pair, leave)),
    checkOrder: (symbol, order, leave) => stepped(() => venue.checkOrder(symbol, order, leave)),
    cancel: (symbol, id, leave) => stepped(() => venue.cancel(symbol, id, leave)),
    replace: (symbol, request, leave) => stepped(() => venue.replace(symbol, request, leave)),
    lookup: (symbol, id, leave) => stepped(() => venue.lookup(symbol, id, leave)),
    fills: (symbol, request, leave) => stepped(() => venue.fills(symbol, request, leave)),
    openOrders: (symbol, leave) => stepped(() => venue.openOrders(symbol, leave)),
    balances: (leave) => stepped(() => venue.balances(leave)),
    serverTime: () => stepped(() => venue.serverTime()),
  };
}
