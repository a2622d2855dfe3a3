/** Lets a fixed number of tasks run at once; the others wait in order, for a bounded time. */
export class Turnstile {
  readonly #waitLimitMs: number;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(places: number, waitLimitMs: number) {
    this.#free = places;
    this.#waitLimitMs = waitLimitMs;
  }

  /** Runs the task when a place is free. Throws `TurnstileTimeout` when none became free in time. */
  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#waitForPlace();
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  #waitForPlace(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(new TurnstileTimeout(this.#waitLimitMs));
      }, this.#waitLimitMs);
      this.#waiting.add(enter);
    });
  }

  /** Hands the place to the longest waiting task, or frees it. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** No place became free within the limit. */
export class TurnstileTimeout extends Error {
  constructor(waitLimitMs: number) {
    super(`no place became free within ${waitLimitMs} ms`);
    this.name = "TurnstileTimeout";
  }
}
