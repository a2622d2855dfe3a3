import binance from "ccxt-binance";
import type { HttpFacts } from "./failures.ts";

/** Binance Spot's public questions, raw: parameters as the exchange names them, answers as it gives them. */
export interface PublicClient {
  exchangeInfo(params: Params): Promise<unknown>;
  bookTicker(params: Params): Promise<unknown>;
  klines(params: Params): Promise<unknown>;
  depth(params: Params): Promise<unknown>;
}
type Params = Readonly<Record<string, string | number>>;

/**
 * CCXT reads Binance's spot error codes only under the production URL and drops status and headers from its errors;
 * this class reads them under any URL and keeps both.
 */
class PublicBinance extends binance {
  override getExceptionsByUrl(_url: string, kind: string): Record<string, unknown> {
    return this.exceptions.spot?.[kind] ?? {};
  }

  override handleErrors(...answer: Parameters<binance["handleErrors"]>): ReturnType<binance["handleErrors"]> {
    const [status, , , , headers] = answer as unknown as [
      number,
      string,
      string,
      string,
      Record<string, string>,
    ];
    return withFacts({ status, retryAfter: headers?.["Retry-After"] }, () => super.handleErrors(...answer));
  }

  override handleHttpStatusCode(
    status: number,
    reason: string,
    url: string,
    method: string,
    body: string,
  ): void {
    const facts = { status, retryAfter: undefined };
    withFacts(facts, () => super.handleHttpStatusCode(status, reason, url, method, body));
  }
}

function withFacts<T>(httpFacts: HttpFacts, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    throw Object.assign(error as Error, { httpFacts });
  }
}

/**
 * A keyless client of one host (for example `https://api.binance.com`). `timeoutMs` bounds a whole answer, body
 * included; CCXT's own timeout ends with the headers. Only the public spot URLs exist for it: a call to anything
 * else fails here and never reaches a network.
 */
export function connectPublic(host: string, timeoutMs: number): PublicClient {
  const exchange = new PublicBinance({
    number: String,
    timeout: timeoutMs,
    enableRateLimit: true,
    fetchImplementation: (url: string, init: RequestInit) =>
      fetch(url, { ...init, redirect: "error", signal: withDeadline(init.signal, timeoutMs) }),
    options: {
      defaultType: "spot",
      fetchMarkets: { types: ["spot"] },
      fetchCurrencies: false,
      fetchMargins: false,
      adjustForTimeDifference: false,
    },
  });
  exchange.urls.api = { public: `${host}/api/v3` };
  return {
    exchangeInfo: (params) => exchange.publicGetExchangeInfo(params),
    bookTicker: (params) => exchange.publicGetTickerBookTicker(params),
    klines: (params) => exchange.publicGetKlines(params),
    depth: (params) => exchange.publicGetDepth(params),
  };
}

function withDeadline(signal: AbortSignal | null | undefined, timeoutMs: number): AbortSignal {
  const deadline = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, deadline]) : deadline;
}
