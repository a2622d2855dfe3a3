import type { z } from "zod";
import type { QuoteSource } from "../../domain/market/types.ts";
import { MarketError } from "../../ports/market.ts";
import type { PublicClient } from "./ccxt_client.ts";
import { marketErrorOf } from "./failures.ts";

/** One place where Binance answers public questions. `url` has no path: `https://api.binance.com`. */
export interface BinanceHost {
  readonly source: Extract<QuoteSource, "binance" | "binance-data" | "simulator">;
  readonly url: string;
}

/** The exchange itself, then the host Binance keeps for public data alone; the second answers in more countries. */
export const BINANCE_HOSTS: readonly BinanceHost[] = [
  { source: "binance", url: "https://api.binance.com" },
  { source: "binance-data", url: "https://data-api.binance.vision" },
];

/** After a failure a host is asked again only after this time, while another one answers. */
export const HOST_REST_MS = 60_000;

/** A question, its answer's shape, and what to call it in errors. */
export interface Question<T> {
  readonly name: string;
  readonly ask: (client: PublicClient) => Promise<unknown>;
  readonly shape: z.ZodType<T>;
}

/**
 * Asks hosts in their order until one answers. A host that fails rests for a while, so that an outage of the first
 * does not cost its timeout at every question. "Too many requests" silences all of them: the limit is on our
 * address, and going on elsewhere turns a limit into a ban.
 */
export class HostRing {
  readonly #hosts: readonly BinanceHost[];
  readonly #clients = new Map<string, Promise<PublicClient>>();
  readonly #restUntil = new Map<string, number>();
  readonly #connect: (url: string) => Promise<PublicClient>;
  readonly #now: () => number;
  #silentUntil = 0;

  constructor(
    hosts: readonly BinanceHost[],
    connect: (url: string) => Promise<PublicClient>,
    now: () => number,
  ) {
    if (hosts.length === 0) throw new RangeError("a Binance market needs at least one host");
    this.#hosts = hosts;
    this.#connect = connect;
    this.#now = now;
  }

  /** For how long (ms) the hosts must not be asked, seen from now. */
  silentMs(): number {
    return Math.max(0, this.#silentUntil - this.#now());
  }

  /** The first host's answer, parsed. Throws the last host's MarketError when none answers. */
  async ask<T>(question: Question<T>): Promise<{ source: BinanceHost["source"]; answer: T }> {
    const silence = this.silentMs();
    if (silence > 0) {
      const retryAfterMs = silence;
      throw new MarketError("limited", `${question.name}: silent for ${Math.ceil(silence / 1_000)} s more`, {
        retryAfterMs,
      });
    }
    let failure: MarketError | undefined;
    for (const host of this.#awake()) {
      try {
        const client = await this.#clientOf(host);
        const answer = question.shape.parse(await question.ask(client));
        this.#restUntil.delete(host.url);
        return { source: host.source, answer };
      } catch (error) {
        failure = marketErrorOf(question.name, host.url, error);
        this.#remember(host, failure);
      }
      if (failure.kind === "limited" || failure.kind === "rejected") break;
    }
    throw failure;
  }

  /** Hosts that do not rest; all of them when all rest. */
  #awake(): readonly BinanceHost[] {
    const awake = this.#hosts.filter((host) => (this.#restUntil.get(host.url) ?? 0) <= this.#now());
    return awake.length > 0 ? awake : this.#hosts;
  }

  #clientOf(host: BinanceHost): Promise<PublicClient> {
    const known = this.#clients.get(host.url) ?? this.#connect(host.url);
    this.#clients.set(host.url, known);
    return known;
  }

  #remember(host: BinanceHost, failure: MarketError): void {
    if (failure.kind === "limited") this.#silentUntil = this.#now() + failure.retryAfterMs!;
    else if (failure.kind !== "rejected") this.#restUntil.set(host.url, this.#now() + HOST_REST_MS);
  }
}
