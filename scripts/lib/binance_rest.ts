/**
 * Binance Spot's REST API read a second time: nothing here is shared with the adapter that trades, so that what the two
 * say can be compared. Amounts stay the text that the exchange sent.
 */
import { createHmac } from "node:crypto";

/** A key of an account. */
export interface ApiCredentials {
  readonly apiKey: string;
  readonly secret: string;
}

/** An order as `allOrders` shows it. */
export interface RestOrder {
  readonly symbol: string;
  readonly orderId: number;
  readonly clientOrderId: string;
  readonly status: string;
  readonly side: string;
  readonly type: string;
  readonly origQty: string;
  readonly executedQty: string;
  /** When the matching engine took it, ms by the exchange's clock. */
  readonly time: number;
}

/** A fill as `myTrades` shows it. */
export interface RestTrade {
  readonly symbol: string;
  readonly id: number;
  readonly orderId: number;
  readonly price: string;
  readonly qty: string;
  readonly commission: string;
  readonly commissionAsset: string;
  readonly isBuyer: boolean;
  readonly time: number;
}

/** An account's holdings. */
export interface RestAccount {
  readonly uid: number;
  readonly canTrade: boolean;
  readonly balances: readonly { readonly asset: string; readonly free: string; readonly locked: string }[];
}

/** The best offers. */
export interface RestTicker {
  readonly bidPrice: string;
  readonly bidQty: string;
  readonly askPrice: string;
  readonly askQty: string;
}

/** The most rows that Binance gives at once. */
const PAGE = 1_000;
const RECV_WINDOW_MS = 5_000;
const DEADLINE_MS = 10_000;
/** Binance's answer to the cancel of an order that it does not have. */
const NO_SUCH_ORDER = -2011;
/** A question may be asked again: it changes nothing. */
const TRIES = 3;
const PAUSE_MS = 1_000;

/** Signed questions to one account. */
export class BinanceRest {
  constructor(private readonly url: string, private readonly key: ApiCredentials) {}

  async account(): Promise<RestAccount> {
    return await this.#get("/api/v3/account", { omitZeroBalances: "true" }) as RestAccount;
  }

  /** Open orders in all symbols. */
  async openOrders(): Promise<readonly RestOrder[]> {
    return await this.#get("/api/v3/openOrders", {}) as RestOrder[];
  }

  /** Every order of a symbol, oldest first, from this id on. */
  async orders(symbol: string, fromId = 0): Promise<readonly RestOrder[]> {
    return await this.#all<RestOrder>(
      (from) => this.#get("/api/v3/allOrders", { symbol, orderId: `${from}`, limit: `${PAGE}` }),
      ({ orderId }) => orderId,
      fromId,
    );
  }

  /** Every fill of a symbol, oldest first, from this id on. */
  async trades(symbol: string, fromId = 0): Promise<readonly RestTrade[]> {
    return await this.#all<RestTrade>(
      (from) => this.#get("/api/v3/myTrades", { symbol, fromId: `${from}`, limit: `${PAGE}` }),
      ({ id }) => id,
      fromId,
    );
  }

  /** How far the exchange's clock is ahead of this machine's (ms). */
  async clockOffsetMs(): Promise<number> {
    const before = Date.now();
    const { serverTime } = await ask(`${this.url}/api/v3/time`, {}) as { serverTime: number };
    return serverTime - (before + Date.now()) / 2;
  }

  /**
   * Whether the key may trade in a symbol: asked by cancelling an order that does not exist, which changes nothing. Throws
   * {@link RefusedError} with the exchange's code when it may not (-2015), or does not know the symbol (-1121).
   */
  async checkTrading(symbol: string): Promise<void> {
    const origClientOrderId = `none-${crypto.randomUUID().slice(0, 8)}`;
    try {
      await this.#ask("DELETE", "/api/v3/order", { symbol, origClientOrderId });
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === NO_SUCH_ORDER)) throw error;
    }
  }

  /** The best offers of a symbol. */
  async bookTicker(symbol: string): Promise<RestTicker> {
    return await ask(`${this.url}/api/v3/ticker/bookTicker?symbol=${symbol}`, {}) as RestTicker;
  }

  async #all<T>(
    page: (from: number) => Promise<unknown>,
    idOf: (row: T) => number,
    from: number,
  ): Promise<T[]> {
    const rows: T[] = [];
    for (let next = from;;) {
      const some = await page(next) as T[];
      rows.push(...some);
      if (some.length < PAGE) return rows;
      next = idOf(some.at(-1)!) + 1;
    }
  }

  #get(path: string, params: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#ask("GET", path, params);
  }

  async #ask(
    method: "GET" | "DELETE",
    path: string,
    params: Readonly<Record<string, string>>,
  ): Promise<unknown> {
    for (let attempt = 1;; attempt++) {
      try {
        const timestamp = `${Math.floor(Date.now() + await this.#offset())}`;
        const query = new URLSearchParams({ ...params, recvWindow: `${RECV_WINDOW_MS}`, timestamp })
          .toString();
        const signature = createHmac("sha256", this.key.secret).update(query).digest("hex");
        const headers = { "x-mbx-apikey": this.key.apiKey };
        return await ask(`${this.url}${path}?${query}&signature=${signature}`, headers, method);
      } catch (error) {
        if (attempt === TRIES || error instanceof RefusedError) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #offsetMs: Promise<number> | undefined;
  #offset(): Promise<number> {
    return this.#offsetMs ??= this.clockOffsetMs();
  }
}

/** The exchange answered, but not with what was asked for. Holds no signature and no key. */
export class AnsweredError extends Error {
  override readonly name: string = "AnsweredError";

  /** `status`: of HTTP; `code`: Binance's, as -2015, null where the answer has none. */
  constructor(message: string, readonly status: number, readonly code: number | null = null) {
    super(message);
  }
}

/** The exchange says no; asking again would not help. */
export class RefusedError extends AnsweredError {
  override readonly name = "RefusedError";
}

async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  method: "GET" | "DELETE" = "GET",
): Promise<unknown> {
  const { origin, pathname } = new URL(url);
  const { status, text } = await read(url, headers, method).catch((error) => {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `no answer within ${DEADLINE_MS / 1_000} s` : "no connection, or it broke";
    throw new Error(`${origin} did not answer ${pathname}: ${why}`);
  });
  const words = `${origin} answered ${pathname} with ${status}: ${text.replace(/\s+/g, " ").slice(0, 200)}`;
  if (status === 200) return parsed(text, words);
  const isFinal = status >= 400 && status < 500 && status !== 429 && status !== 418;
  throw new (isFinal ? RefusedError : AnsweredError)(words, status, codeOf(text));
}

async function read(url: string, headers: Readonly<Record<string, string>>, method: string) {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const answer = await fetch(url, { method, headers, signal, redirect: "error" });
  return { status: answer.status, text: await answer.text() };
}

function codeOf(text: string): number | null {
  const code = /"code":\s*(-\d{1,5})\b/.exec(text)?.[1];
  return code === undefined ? null : parseInt(code, 10);
}

function parsed(text: string, words: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RefusedError(`${words}, which is no JSON`, 200);
  }
}
