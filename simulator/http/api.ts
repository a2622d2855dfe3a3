import { accountOf } from "../engine/accounts.ts";
import type { ExchangeState } from "../engine/model.ts";
import { Rejection } from "../engine/rejection.ts";
import { ACCOUNT_ROUTES } from "./account_routes.ts";
import { type ApiKey, authenticate, checkSignature, checkTiming, readTiming, type Timing } from "./keys.ts";
import { Limits, ORDER_LIMITS } from "./limits.ts";
import { LIST_ROUTES } from "./list_routes.ts";
import { ORDER_ROUTES } from "./order_routes.ts";
import { Params } from "./params.ts";
import { PUBLIC_ROUTES } from "./public_routes.ts";
import type { Action, Call, Route } from "./route.ts";
import { answerJson, answerRejection, type WireAnswer, type WireRequest } from "./wire.ts";

const ROUTES: ReadonlyMap<string, Route> = new Map(
  [...PUBLIC_ROUTES, ...ORDER_ROUTES, ...LIST_ROUTES, ...ACCOUNT_ROUTES]
    .map((route) => [`${route.method} ${route.path}`, route]),
);

/** What the API works on, and where it gets its time from. */
export interface ApiWorld {
  readonly state: ExchangeState;
  readonly keys: ReadonlyMap<string, ApiKey>;
  readonly now: () => number;
  /** The time that clients are told and measured by; differs from `now` while the clock is skewed. */
  readonly serverTime: () => number;
}

/** A request that was let in and has not been carried out. */
export interface Admitted {
  readonly isForMatchingEngine: boolean;
  /** Carries it out. May be called again: a request that is delivered twice is carried out twice. */
  readonly execute: () => WireAnswer;
}

/** The REST API without a network: requests in, answers out. */
export class Api {
  #limits: Limits;

  constructor(private readonly world: ApiWorld) {
    this.#limits = new Limits(world.state);
  }

  /** Counters do not survive a restart. */
  restart(): void {
    this.#limits = new Limits(this.world.state);
  }

  ban(ip: string, untilMs: number): void {
    this.#limits.ban(ip, untilMs);
  }

  /** Lets a request in, or answers it at once: too many, unknown, unsigned, malformed. */
  admit(request: WireRequest): Admitted | WireAnswer {
    const route = ROUTES.get(`${request.method} ${request.path}`);
    if (route === undefined) return notFound(request);
    const limits = this.#limits;
    try {
      const params = new Params(request.query, request.body);
      const weight = typeof route.weight === "number" ? route.weight : route.weight(params);
      limits.charge(request.ip, weight, this.world.now());
      return this.#admitTo(route, request, params, weight, limits);
    } catch (error) {
      return this.#refusal(error, request, limits);
    }
  }

  /** Both steps at once, for callers that put nothing in between. */
  handle(request: WireRequest): WireAnswer {
    const admitted = this.admit(request);
    return "execute" in admitted ? admitted.execute() : admitted;
  }

  #admitTo(route: Route, request: WireRequest, params: Params, weight: number, limits: Limits): Admitted {
    const { state, keys, now, serverTime } = this.world;
    const call: Call = { params, state, limits, now, serverTime };
    let action: Action;
    let timing: Timing | null = null;
    let accountId: string | null = null;
    if (route.security === "none") action = route.prepare(call);
    else {
      const key = authenticate(keys, request, route.security);
      timing = readTiming(params);
      checkTiming(timing, serverTime());
      checkSignature(request, key.secret, params);
      accountId = key.accountId;
      action = route.prepare({ ...call, key, account: accountOf(state, key.accountId) });
    }
    params.finish();
    const isForMatchingEngine = route.isForMatchingEngine === true;
    const chargedAt = now();
    let charged = weight;
    const execute = () => {
      try {
        if (isForMatchingEngine) this.#checkAgain(route, timing, accountId, limits);
        const body = action();
        if (isForMatchingEngine) limits.refund(request.ip, charged, chargedAt);
        if (isForMatchingEngine) charged = 0;
        const isPlacing = route.orderCount !== undefined && accountId !== null;
        const orders = isPlacing ? orderHeaders(limits, accountId!, now()) : {};
        return answerJson(body, { ...weightHeaders(limits, request.ip, now()), ...orders });
      } catch (error) {
        return this.#refusal(error, request, limits);
      }
    };
    return { isForMatchingEngine, execute };
  }

  /** Just before the matching engine. Who is too late here has used up the orders that it wanted to place. */
  #checkAgain(route: Route, timing: Timing | null, accountId: string | null, limits: Limits): void {
    try {
      if (timing !== null) checkTiming(timing, this.world.serverTime());
    } catch (error) {
      if (accountId !== null) limits.addOrders(accountId, route.orderCount ?? 0, [], this.world.now());
      throw error;
    }
  }

  #refusal(error: unknown, request: WireRequest, limits: Limits): WireAnswer {
    if (!(error instanceof Rejection)) throw error;
    return answerRejection(error, weightHeaders(limits, request.ip, this.world.now()));
  }
}

function weightHeaders(limits: Limits, ip: string, now: number): Record<string, string> {
  const used = String(limits.usedWeight(ip, now));
  return { "X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used };
}

function orderHeaders(limits: Limits, accountId: string, now: number): Record<string, string> {
  const counts = limits.orderCounts(accountId, now);
  return Object.fromEntries(
    ORDER_LIMITS.map(({ header }, at) => [`X-MBX-ORDER-COUNT-${header}`, String(counts[at])]),
  );
}

function notFound({ path }: WireRequest): WireAnswer {
  const known = [...ROUTES.values()].some((route) => route.path === path);
  return {
    status: known ? 405 : 404,
    headers: { "Content-Type": "text/html" },
    body: `<html><body><h2>${known ? "405 Method Not Allowed" : "404 Not found"}</h2></body></html>`,
  };
}
