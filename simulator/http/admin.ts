import { timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { z } from "zod";
import { fixed, formatFixed, readFixed } from "../core/fixed.ts";
import { randomFrom } from "../core/random.ts";
import { deposit, findLeaks } from "../engine/accounts.ts";
import { readFilter } from "../engine/filter_values.ts";
import { type Account, type Level, SYMBOL_STATUSES } from "../engine/model.ts";
import { marketOf, READ_LAG_MAX_MS } from "../engine/orders.ts";
import { Rejection } from "../engine/rejection.ts";
import { FAULT_KINDS, type FaultKind } from "../faults/faults.ts";
import { bookAround, onTick, quantityWorth } from "../market/book_shape.ts";
import type { Simulator } from "../simulator.ts";
import { listen, type Listening } from "./server.ts";
import type { Json } from "./wire.ts";

const amount = z.string().refine(
  (text) => typeof readFixed(text) === "bigint",
  'an amount as text, like "0.5"',
)
  .transform(fixed);
const positive = amount.refine((value) => value > 0n, "an amount above zero");
const ms = z.int().min(0);
const level = z.tuple([positive, amount]).transform(([price, quantity]) => ({ price, quantity }));
const kinds = Object.keys(FAULT_KINDS) as [FaultKind, ...FaultKind[]];

/** The longest answer that a fault makes (bytes). */
const PADDING_MAX = 20_000_000;

const FAULT = z.strictObject({
  kind: z.enum(kinds),
  method: z.string().optional(),
  path: z.string().optional(),
  times: z.int().positive().nullable().default(1),
  probability: z.number().min(0).max(1).default(1),
  isExecuted: z.boolean().optional(),
  status: z.int().min(200).max(599).nullable().default(null),
  ms: z.int().default(1_000),
  alter: z.record(z.string(), z.json()).optional(),
  padding: z.int().min(0).max(PADDING_MAX).optional(),
});

type Command = (simulator: Simulator, body: unknown) => Json | undefined;

/** A command with its body checked. */
function command<T>(schema: z.ZodType<T>, run: (simulator: Simulator, body: T) => Json | undefined): Command {
  return (simulator, body) => run(simulator, schema.parse(body));
}

const COMMANDS: Readonly<Record<string, Command>> = {
  "GET /state": (simulator) => summary(simulator),
  "GET /requests": ({ log }) => log.map((one) => ({ ...one })),
  "GET /faults": ({ faults }) =>
    faults.list().map(({ id, kind, hitCount, times, probability, isExecuted, status, ms, ...rest }) => ({
      ...{ id, kind, hitCount, times, probability, isExecuted, status, ms },
      ...{ method: rest.method ?? null, path: rest.path ?? null },
    })),
  "POST /faults": command(FAULT, ({ faults }, spec) => ({
    id: faults.add({ ...spec, isExecuted: spec.isExecuted ?? FAULT_KINDS[spec.kind].isExecuted }).id,
  })),
  "DELETE /faults": command(z.strictObject({ id: z.int().optional() }), ({ faults }, { id }) => {
    if (id === undefined) faults.clear();
    else if (!faults.remove(id)) throw new Rejection(404, `There is no fault ${id}.`);
    return undefined;
  }),
  "POST /clock": command(z.strictObject({ skewMs: z.int() }), (simulator, { skewMs }) => {
    simulator.skewMs = skewMs;
    return undefined;
  }),
  "POST /restart": command(z.strictObject({ downMs: ms.default(0) }), (simulator, { downMs }) => {
    simulator.restart(downMs);
    return undefined;
  }),
  "POST /ban": command(z.strictObject({ ip: z.string(), ms }), ({ api, clock }, { ip, ms }) => {
    api.ban(ip, clock.now() + ms);
    return undefined;
  }),
  "POST /read-lag": command(
    z.strictObject({ probability: z.number().min(0).max(1).default(1), ms: ms.max(READ_LAG_MAX_MS) }),
    ({ state }, lag) => {
      state.readLag = lag;
      return undefined;
    },
  ),
  "POST /accounts": command(
    z.strictObject({ id: z.string().min(1), balances: z.record(z.string(), amount).default({}) }),
    (simulator, { id, balances }) => {
      const { uid } = simulator.openAccount(id);
      for (const [asset, free] of Object.entries(balances)) deposit(simulator.state, id, asset, free);
      return { id, uid };
    },
  ),
  "PATCH /accounts": command(
    z.strictObject({
      id: z.string(),
      makerRate: amount.optional(),
      takerRate: amount.optional(),
      paysFeesInBnb: z.boolean().optional(),
      canTrade: z.boolean().optional(),
    }),
    (simulator, { id, ...changes }) => {
      Object.assign(requireAccount(simulator, id), defined(changes));
      return undefined;
    },
  ),
  "POST /keys": command(
    z.strictObject({
      accountId: z.string(),
      canTrade: z.boolean().optional(),
      ips: z.array(z.string()).nullable().optional(),
    }),
    (simulator, { accountId, ...options }) => {
      requireAccount(simulator, accountId);
      const { apiKey, secret } = simulator.addKey(accountId, options);
      return { apiKey, secret };
    },
  ),
  "PATCH /keys": command(
    z.strictObject({
      apiKey: z.string(),
      canTrade: z.boolean().optional(),
      isRevoked: z.boolean().optional(),
      ips: z.array(z.string()).nullable().optional(),
    }),
    ({ keys }, { apiKey, ...changes }) => {
      const key = keys.get(apiKey);
      if (key === undefined) throw new Rejection(404, "There is no such key.");
      Object.assign(key, defined(changes));
      return undefined;
    },
  ),
  "PATCH /symbols": command(
    z.strictObject({
      symbol: z.string(),
      status: z.enum(SYMBOL_STATUSES).optional(),
      filters: z.array(z.record(z.string(), z.union([z.string(), z.int().min(0), z.boolean()]))).optional(),
    }),
    ({ state }, { symbol, status, filters = [] }) => {
      const { rules } = marketOf(state, symbol);
      const changed = filters.map(readFilter);
      const types = new Set(changed.map(({ filterType }) => filterType));
      rules.filters = [...rules.filters.filter(({ filterType }) => !types.has(filterType)), ...changed];
      rules.status = status ?? rules.status;
      return undefined;
    },
  ),
  "POST /market/price": command(z.strictObject({ symbol: z.string(), price: positive }), movePrice),
  "POST /market/trade": command(
    z.strictObject({
      symbol: z.string(),
      price: positive,
      quantity: positive,
      isBuyerMaker: z.boolean().default(true),
    }),
    (simulator, { symbol, ...trade }) => {
      simulator.move(symbol, { kind: "trade", ...trade });
      return undefined;
    },
  ),
  "POST /market/book": command(
    z.strictObject({ symbol: z.string(), bids: z.array(level), asks: z.array(level) }),
    (simulator, { symbol, bids, asks }) => {
      requireUncrossed(bids, asks);
      simulator.move(symbol, { kind: "book", bids, asks });
      return undefined;
    },
  ),
};

function requireUncrossed(bids: readonly Level[], asks: readonly Level[]): void {
  const isCrossed = bids.some((bid) => asks.some((ask) => bid.price >= ask.price));
  if (isCrossed) throw new RangeError("The offers cross: every bid must be below every ask.");
}

function requireAccount({ state }: Simulator, id: string): Account {
  const account = state.accounts.get(id);
  if (account === undefined) throw new Rejection(404, `There is no account "${id}".`);
  return account;
}

/** A new book around the price and a trade at it. */
function movePrice(simulator: Simulator, wanted: { symbol: string; price: bigint }): undefined {
  const { symbol } = wanted;
  const { rules } = marketOf(simulator.state, symbol);
  const price = onTick(rules, wanted.price);
  const random = randomFrom(simulator.seed, `${symbol}${simulator.clock.now()}`);
  simulator.move(symbol, bookAround(rules, price, true, random));
  simulator.move(symbol, {
    kind: "trade",
    price,
    quantity: quantityWorth(rules, price, 1),
    isBuyerMaker: true,
  });
}

function defined(changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function summary({ state, clock, skewMs, keys }: Simulator): Json {
  return {
    now: clock.now(),
    skewMs,
    keyCount: keys.size,
    prices: Object.fromEntries(
      [...state.markets].map(([symbol, { lastPrice }]) => [symbol, formatFixed(lastPrice)]),
    ),
    orderCount: [...state.markets.values()].reduce((sum, { orders }) => sum + orders.size, 0),
    accounts: [...state.accounts.values()].map(({ id, balances, openOrders }) => ({
      id,
      openOrderCount: openOrders.size,
      balances: Object.fromEntries(
        [...balances].map((
          [asset, { free, locked }],
        ) => [asset, { free: formatFixed(free), locked: formatFixed(locked) }]),
      ),
    })),
    leaks: Object.fromEntries([...findLeaks(state)].map(([asset, value]) => [asset, formatFixed(value)])),
  };
}

/** The control plane, on a port of its own: no fault reaches it. Every request carries the token. */
export async function serveAdmin(simulator: Simulator, port: number, token: string): Promise<Listening> {
  const expected = Buffer.from(`Bearer ${token}`);
  return await listen(port, (request, response, body) => {
    const sent = Buffer.from(request.headers.authorization ?? "");
    const isAllowed = sent.length === expected.length && timingSafeEqual(sent, expected);
    const { status, json } = isAllowed
      ? runCommand(simulator, `${request.method} ${request.url}`, body)
      : { status: 401, json: { error: "Send the admin token: Authorization: Bearer …" } };
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(json));
    return Promise.resolve();
  });
}

/** Exposed for tests, which have no need of a socket. */
export function runCommand(simulator: Simulator, name: string, body: string): { status: number; json: Json } {
  const run = COMMANDS[name];
  if (run === undefined) {
    return { status: 404, json: { error: `There are: ${Object.keys(COMMANDS).join(", ")}.` } };
  }
  try {
    return { status: 200, json: run(simulator, body === "" ? {} : JSON.parse(body)) ?? {} };
  } catch (error) {
    if (error instanceof z.ZodError) return { status: 400, json: { error: z.prettifyError(error) } };
    if (error instanceof SyntaxError || error instanceof RangeError) {
      return { status: 400, json: { error: error.message } };
    }
    if (error instanceof Rejection) {
      return { status: error.code === 404 ? 404 : 400, json: { error: error.message } };
    }
    throw error;
  }
}
