/**
 * Connections of which the one used last is handed out first. A session's plans, compiled functions and caches are its
 * own, so light traffic keeps to a few warm sessions instead of walking over all of them.
 */
import type { Sql } from "postgres";
import { Turnstile } from "./turnstile.ts";

export class ConnectionStack {
  readonly #turnstile: Turnstile;
  readonly #idle: Sql[];

  /** Each of `connections` is a client with one connection, used for nothing else; they stay the caller's to close. */
  constructor(connections: readonly Sql[], waitLimitMs: number) {
    this.#turnstile = new Turnstile(connections.length, waitLimitMs);
    // The last one is handed out first, so the first client comes first.
    this.#idle = [...connections].reverse();
  }

  /** Runs the task on a connection that nobody else uses meanwhile. Throws `TurnstileTimeout` when none became free in time. */
  use<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#turnstile.pass(async () => {
      const sql = this.#idle.pop();
      if (sql === undefined) throw new Error("the turnstile let more tasks pass than there are connections");
      try {
        return await task(sql);
      } finally {
        this.#idle.push(sql);
      }
    });
  }
}
