/** What users' pages see: supabase-js clients on their private channels, noting when each position shows as open. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { DeskUser } from "../lib/desk.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";

/** Nothing takes this long unless it is lost. */
const JOIN_TIMEOUT_MS = 10_000;

interface PositionMessage {
  readonly payload: { readonly position?: { readonly signal_id: string; readonly status: string } };
}

/** The subscribers of one row. */
export class Subscribers {
  readonly #clients: SupabaseClient[] = [];
  readonly #openAt = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  /** Signs every user in and joins the user's channel. */
  static async join(stack: ThrowawayStack, users: readonly DeskUser[]): Promise<Subscribers> {
    const subscribers = new Subscribers();
    try {
      for (const user of users) {
        await subscribers.#join(await stack.signIn(user.email, user.password), user.id);
      }
    } catch (error) {
      await subscribers.leave();
      throw error;
    }
    return subscribers;
  }

  /** When (`performance.now()`) the signal's position was first seen open. Rejects with the count of what is missing. */
  async open(signalIds: readonly string[], timeoutMs: number): Promise<number[]> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const missing = signalIds.filter((id) => !this.#openAt.has(id));
      timeout.reject(
        new Error(
          `${missing.length} of ${signalIds.length} positions were not seen open within ${timeoutMs} ms`,
        ),
      );
    }, timeoutMs);
    try {
      return await Promise.race([Promise.all(signalIds.map((id) => this.#seen(id))), timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async leave(): Promise<void> {
    for (const client of this.#clients) {
      await client.removeAllChannels();
      await client.realtime.disconnect();
    }
  }

  async #seen(signalId: string): Promise<number> {
    if (!this.#openAt.has(signalId)) {
      await new Promise<void>((resolve) => this.#waiting.set(signalId, resolve));
    }
    return this.#openAt.get(signalId)!;
  }

  async #join(client: SupabaseClient, userId: string): Promise<void> {
    this.#clients.push(client);
    const joined = Promise.withResolvers<void>();
    const timer = setTimeout(() => joined.reject(new Error("no answer to a join")), JOIN_TIMEOUT_MS);
    client.channel(`user:${userId}`, { config: { private: true } })
      .on("broadcast", { event: "position" }, (message) => this.#take(message as unknown as PositionMessage))
      .subscribe((status, error) => {
        if (status === "SUBSCRIBED") joined.resolve();
        else joined.reject(error ?? new Error(`the channel of a user is ${status}`));
      });
    await joined.promise.finally(() => clearTimeout(timer));
  }

  #take({ payload: { position } }: PositionMessage): void {
    const now = performance.now();
    if (position?.status !== "open" || this.#openAt.has(position.signal_id)) return;
    this.#openAt.set(position.signal_id, now);
    this.#waiting.get(position.signal_id)?.();
    this.#waiting.delete(position.signal_id);
  }
}
