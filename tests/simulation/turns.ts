/**
 * One step at a time. Whoever wants to take a step (send a command to the engine, open a key, send a request, report an
 * answer) asks for a turn; the seed decides whose turn it is; and nobody else moves until that step has come to rest. So
 * a seed is one interleaving of its workers, the same in every run.
 */
import { setImmediate } from "node:timers";
import type { ManualClock } from "../../simulator/core/clock.ts";
import type { Dice } from "./dice.ts";

/** Macrotasks without news that count as rest: a simulated request is made of microtasks alone. */
const QUIET_TASKS = 2;

interface Waiting {
  readonly who: string;
  readonly resume: () => void;
}

export class Turns {
  #waiting: Waiting[] = [];
  readonly #commands = new Set<Promise<unknown>>();
  #deadlines: { readonly at: number; readonly controller: AbortController }[] = [];
  /** Turns taken so far. */
  count = 0;

  constructor(
    readonly clock: ManualClock,
    private readonly dice: Dice,
    private readonly afterStep: () => Promise<void>,
  ) {}

  /** Resolves when it is the caller's turn. */
  take(who: string): Promise<void> {
    return new Promise((resume) => this.#waiting.push({ who, resume }));
  }

  /** Runs a command that really takes time; nobody has a turn meanwhile. */
  async whole<T>(command: () => Promise<T>): Promise<T> {
    const running = command();
    this.#commands.add(running);
    try {
      return await running;
    } finally {
      this.#commands.delete(running);
    }
  }

  /** A signal after so much virtual time. */
  deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#deadlines.push({ at: this.clock.now() + ms, controller });
    return controller.signal;
  }

  /** Lets everybody work for `ms`. Time goes on when nobody can take a step. */
  async run(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    for (;;) {
      await this.#rest();
      if (this.#waiting.length > 0) {
        const [next] = this.#waiting.splice(this.dice.between(0, this.#waiting.length - 1), 1);
        this.count++;
        next!.resume();
        await this.#rest();
        await this.afterStep();
        continue;
      }
      const at = Math.min(this.clock.nextWake() ?? Infinity, ...this.#deadlines.map((one) => one.at));
      if (at > until) break;
      this.#passTo(at);
    }
    this.#passTo(until);
    await this.#rest();
  }

  #passTo(at: number): void {
    this.clock.advance(Math.max(0, at - this.clock.now()));
    const due = this.#deadlines.filter((one) => one.at <= at);
    this.#deadlines = this.#deadlines.filter((one) => one.at > at);
    for (const { controller } of due) controller.abort(new DOMException("too late", "TimeoutError"));
  }

  async #rest(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TASKS;) {
      if (this.#commands.size > 0) await Promise.allSettled(this.#commands);
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.#commands.size === 0 ? quiet + 1 : 0;
    }
  }
}
