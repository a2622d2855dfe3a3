/**
 * CCXT as it is used for orders: it names the endpoints, encodes and signs. What an answer means is decided elsewhere,
 * from HTTP status, code and words.
 */
import binance from "ccxt-binance";
import type { ExchangeKey } from "../../domain/venue.ts";
import { exchange, type Exchanged, type Limits, newExchanged, type Outside } from "./transport.ts";

export type Params = Readonly<Record<string, string | number>>;

/** One of the exchange's endpoints, as CCXT names its parts. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly api: "public" | "private";
}

export const ENDPOINTS = {
  time: { method: "GET", path: "time", api: "public" },
  placeOrder: { method: "POST", path: "order", api: "private" },
  checkOrder: { method: "POST", path: "order/test", api: "private" },
  cancelOrder: { method: "DELETE", path: "order", api: "private" },
  getOrder: { method: "GET", path: "order", api: "private" },
  replaceOrder: { method: "POST", path: "order/cancelReplace", api: "private" },
  placePair: { method: "POST", path: "orderList/oco", api: "private" },
  openOrders: { method: "GET", path: "openOrders", api: "private" },
  myTrades: { method: "GET", path: "myTrades", api: "private" },
  account: { method: "GET", path: "account", api: "private" },
} as const satisfies Readonly<Record<string, Endpoint>>;

/** What came of one request. */
export interface Reply {
  readonly exchanged: Exchanged;
  /** The answer's JSON, undefined where it is none. Integers beyond 2^53 are text. */
  readonly json: unknown;
  /** Whether CCXT took it for a success. */
  readonly isSuccess: boolean;
}

/** A connection to one base URL; it holds no key. */
export interface OrdersClient {
  /** Sends one request and never throws. */
  request(endpoint: Endpoint, params: Params, key: ExchangeKey | null, limits: Limits): Promise<Reply>;
}

/**
 * Connects CCXT to one base URL (`https://api.binance.com`). All families of addresses that it would know are replaced
 * by these, so that nothing can reach an exchange that was not meant. No markets are needed for raw requests, and the
 * request budget is in the database, not in an isolate's memory.
 */
export function connectOrders(baseUrl: string, outside: Outside): OrdersClient {
  const connection = new binance({
    enableRateLimit: false,
    userAgent: "fillbase",
    options: { maxRetriesOnFailure: 0 },
  });
  connection.urls.api = {
    public: `${baseUrl}/api/v3`,
    private: `${baseUrl}/api/v3`,
    sapi: `${baseUrl}/sapi/v1`,
  };
  return {
    request: (endpoint, params, key, limits) =>
      request(connection, { endpoint, params, key, limits, outside }),
  };
}

interface Call {
  readonly endpoint: Endpoint;
  readonly params: Params;
  readonly key: ExchangeKey | null;
  readonly limits: Limits;
  readonly outside: Outside;
}

/**
 * A call is a child of the connection: key, transport and whatever CCXT remembers of its last request live and die with
 * it, and calls under way at the same time cannot see each other's. A new connection for each call would cost 5 to
 * 30 ms of processor time.
 */
async function request(
  connection: binance,
  { endpoint, params, key, limits, outside }: Call,
): Promise<Reply> {
  const exchanged = newExchanged();
  const child = Object.create(connection) as binance;
  child.apiKey = key?.apiKey ?? "";
  child.secret = key?.secret ?? "";
  child.fetchImplementation = async (url: string, init: RequestInit) => {
    await exchange(url, init, limits, outside, exchanged);
    const { status, headers, body } = exchanged;
    return { status, statusText: "", headers, text: () => Promise.resolve(body) };
  };
  // CCXT's own time-out ends with the headers; the transport's deadline covers the body and comes first.
  child.timeout = limits.deadlineMs + 1_000;
  try {
    const json = await child.request(endpoint.path, endpoint.api, endpoint.method, { ...params });
    return { exchanged, json, isSuccess: true };
  } catch {
    // CCXT's error repeats URL, signature and body; all that it knows is in the record.
    return {
      exchanged,
      json: exchanged.body === null ? undefined : child.parseJson(exchanged.body),
      isSuccess: false,
    };
  }
}
