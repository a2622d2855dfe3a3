/** What the tests of the Binance venue share. */
import type {
  ExchangeKey,
  OrderRequest,
  PairRequest,
} from "../../supabase/functions/_shared/domain/venue.ts";
import type { Leave } from "../../supabase/functions/_shared/ports/venue.ts";
import { fetchFrom } from "../../simulator/in_process.ts";
import { type Client, Desk } from "../../simulator/testing.ts";
import { connectOrders } from "../../supabase/functions/_shared/adapters/binance/ccxt_orders.ts";
import {
  freshConnections,
  type Outside,
} from "../../supabase/functions/_shared/adapters/binance/transport.ts";
import { BinanceVenue } from "../../supabase/functions/_shared/adapters/binance/venue.ts";

export const SYMBOL = "BTCUSDT";
export const KEY: ExchangeKey = { apiKey: "A".repeat(60) + "key1", secret: "S".repeat(60) + "sec1" };

/** A world in which no time goes by unless somebody sleeps. */
export function standing(send: typeof fetch, clock = { now: 1_767_225_600_000, monotonic: 0 }): Outside {
  return {
    send,
    now: () => clock.now,
    monotonicMs: () => clock.monotonic,
    sleep: (ms) => {
      clock.monotonic += ms;
      return Promise.resolve();
    },
    deadline: () => new AbortController().signal,
  };
}

export function venueAt(url: string, outside: Outside): BinanceVenue {
  const client = connectOrders(url, outside);
  return new BinanceVenue(() => Promise.resolve(client), outside);
}

/** Leave that ends at `leaveByMs` of the world's monotonic clock. */
export function leaveFor(key: ExchangeKey = KEY, timestampMs = Date.now(), leaveByMs = Infinity): Leave {
  return { key, window: { timestampMs, recvWindowMs: 2_000, leaveByMs } };
}

/** A simulated exchange in virtual time, an account with money, and the venue that trades for it. */
export class Floor {
  readonly desk = new Desk();
  readonly client: Client;
  readonly venue: BinanceVenue;
  #deadlines: AbortController[] = [];

  constructor(balances: Record<string, string> = { USDT: "100000", BTC: "1" }) {
    this.client = this.desk.client("main", balances);
    const { clock, simulator } = this.desk;
    this.venue = venueAt("http://simulator.invalid", {
      send: fetchFrom(simulator),
      now: () => clock.now(),
      monotonicMs: () => clock.now(),
      sleep: (ms) => {
        clock.advance(ms);
        return Promise.resolve();
      },
      deadline: () => this.#deadline(),
    });
    this.#endWhenAsleep();
  }

  #deadline(): AbortSignal {
    const deadline = new AbortController();
    this.#deadlines.push(deadline);
    return deadline.signal;
  }

  /** Time stands still, so an exchange that waits with its answer keeps whoever asked beyond any deadline. */
  #endWhenAsleep(): void {
    const { clock } = this.desk;
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (ms) => {
      for (const deadline of this.#deadlines.splice(0)) setTimeout(() => deadline.abort(), 0);
      return sleep(ms);
    };
  }

  leave(): Leave {
    const { apiKey, secret } = this.client.key;
    const now = this.desk.clock.now();
    return leaveFor({ apiKey, secret }, now, now + 2_000);
  }

  /** The order as the matching engine has it. */
  truth(clientOrderId: string) {
    const orders = [...this.desk.simulator.state.markets.values()].flatMap((
      { orders },
    ) => [...orders.values()]);
    return orders.filter((order) => order.clientOrderId === clientOrderId);
  }
}

export function buy(clientOrderId: string, rest: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId,
    side: "BUY",
    type: "MARKET",
    timeInForce: null,
    quantity: "0.01",
    price: null,
    triggerPrice: null,
    ...rest,
  };
}

export function sell(clientOrderId: string, rest: Partial<OrderRequest> = {}): OrderRequest {
  return { ...buy(clientOrderId, rest), side: "SELL" };
}

export const LIMIT = { type: "LIMIT", timeInForce: "GTC", price: "50000" } as const;
export const STOP = { type: "STOP_LOSS", triggerPrice: "55000" } as const;

export function pair(rest: Partial<PairRequest> = {}): PairRequest {
  return {
    listClientOrderId: "list-1",
    quantity: "0.01",
    target: { clientOrderId: "target-1", price: "65000" },
    stop: { clientOrderId: "stop-1", triggerPrice: "55000", price: null },
    ...rest,
  };
}

/** A loopback server that answers every request alike. */
export interface Answering extends AsyncDisposable {
  readonly url: string;
  readonly outside: Outside;
  readonly paths: string[];
}

export function answering(status: number, body: string, headers: Record<string, string> = {}): Answering {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    paths.push(`${request.method} ${new URL(request.url).pathname}`);
    return new Response(body, { status, headers });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    outside: { ...standing(freshConnections()), deadline: (ms) => AbortSignal.timeout(ms) },
    paths,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
