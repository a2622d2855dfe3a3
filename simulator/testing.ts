/** What the tests of the simulator share. */
import { createHmac } from "node:crypto";
import assert from "node:assert/strict";
import { ManualClock } from "./core/clock.ts";
import { fixed } from "./core/fixed.ts";
import { deposit, findLeaks } from "./engine/accounts.ts";
import type { ApiKey } from "./http/keys.ts";
import type { WireAnswer, WireRequest } from "./http/wire.ts";
import { Simulator } from "./simulator.ts";

/** 2026-01-01T00:00:00Z. */
export const START_MS = 1_767_225_600_000;
export const SYMBOL = "BTCUSDT";

// deno-lint-ignore no-explicit-any -- tests look into answers of many shapes
export type Body = any;

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** A client that signs as Binance asks, without a network. */
export class Client {
  ip = "10.0.0.1";

  constructor(private readonly desk: Desk, readonly key: ApiKey) {}

  request(method: string, path: string, params: Record<string, string | number>): WireRequest {
    const values: Record<string, string | number> = { ...params };
    values.timestamp ??= this.desk.clock.now();
    const text = new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]))
      .toString();
    const signed = `${text}&signature=${createHmac("sha256", this.key.secret).update(text).digest("hex")}`;
    const isInBody = method === "POST" || method === "PUT";
    return {
      method,
      path,
      query: isInBody ? "" : signed,
      body: isInBody ? signed : "",
      apiKey: this.key.apiKey,
      ip: this.ip,
    };
  }

  send(method: string, path: string, params: Record<string, string | number> = {}): Answered {
    return answered(this.desk.simulator.api.handle(this.request(method, path, params)));
  }

  /** The body of an answer that must be a success. */
  ok(method: string, path: string, params: Record<string, string | number> = {}): Body {
    const { status, body } = this.send(method, path, params);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }

  /** `code: message` of an answer that must be a refusal. */
  refused(method: string, path: string, params: Record<string, string | number> = {}): string {
    const { status, body } = this.send(method, path, params);
    assert.notEqual(status, 200, JSON.stringify(body));
    return `${body.code}: ${body.msg}`;
  }

  order(params: Record<string, string | number>): Body {
    return this.ok("POST", "/api/v3/order", { symbol: SYMBOL, newOrderRespType: "FULL", ...params });
  }

  refusedOrder(params: Record<string, string | number>): string {
    return this.refused("POST", "/api/v3/order", { symbol: SYMBOL, ...params });
  }

  query(orderId: number, symbol = SYMBOL): Body {
    return this.ok("GET", "/api/v3/order", { symbol, orderId });
  }

  /** `free/locked` without the zeros at the end. */
  balance(asset: string): string {
    const balance = this.desk.simulator.state.accounts.get(this.key.accountId)!.balances.get(asset);
    const short = (value: bigint) => String(Number(value) / 1e8);
    return `${short(balance?.free ?? 0n)}/${short(balance?.locked ?? 0n)}`;
  }
}

export function answered({ status, headers, body }: WireAnswer): Answered {
  return { status, headers, body: JSON.parse(body) };
}

/** An exchange in virtual time, whose market moves only as the test says. */
export class Desk {
  readonly clock = new ManualClock(START_MS);
  readonly simulator: Simulator;

  constructor(seed = 1) {
    this.simulator = new Simulator(this.clock, seed);
    this.book([["59999", "10"]], [["60001", "10"]]);
    this.trade("60000", "0.001");
  }

  /** A client of a new account, or of one that is there. */
  client(accountId: string, balances: Record<string, string> = {}): Client {
    this.simulator.openAccount(accountId);
    for (const [asset, amount] of Object.entries(balances)) {
      deposit(this.simulator.state, accountId, asset, fixed(amount));
    }
    return new Client(this, this.simulator.addKey(accountId));
  }

  book(
    bids: readonly (readonly [string, string])[],
    asks: readonly (readonly [string, string])[],
    symbol = SYMBOL,
  ) {
    const levels = (rows: readonly (readonly [string, string])[]) =>
      rows.map(([price, quantity]) => ({ price: fixed(price), quantity: fixed(quantity) }));
    this.simulator.move(symbol, { kind: "book", bids: levels(bids), asks: levels(asks) });
  }

  trade(price: string, quantity: string, isBuyerMaker = true, symbol = SYMBOL) {
    const move = { kind: "trade", price: fixed(price), quantity: fixed(quantity), isBuyerMaker } as const;
    this.simulator.move(symbol, move);
  }

  /** Offers a dollar around a price, and a trade at it. */
  priceTo(price: number, quantity = "10") {
    this.book([[String(price - 1), quantity]], [[String(price + 1), quantity]]);
    this.trade(String(price), "0.001");
  }

  assertNothingLeaked(): void {
    assert.deepEqual(findLeaks(this.simulator.state), new Map());
    for (const { id, balances } of this.simulator.state.accounts.values()) {
      for (const [asset, { free, locked }] of balances) {
        assert.ok(free >= 0n && locked >= 0n, `${id} has ${free} and ${locked} ${asset}`);
      }
    }
  }
}
