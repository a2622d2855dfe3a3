/** Binance Spot as a {@link Venue}. */
import { ZodError } from "zod";
import {
  type FillsRequest,
  NO_FACTS,
  type OrderName,
  type OrderRequest,
  type PairRequest,
  type ReplaceRequest,
  type VenueAnswer,
} from "../../domain/venue.ts";
import type { Leave, Venue } from "../../ports/venue.ts";
import {
  AnswerMismatch,
  readAccount,
  readCancelled,
  readList,
  readOpenOrders,
  readOrder,
  readPlaced,
  readServerTime,
} from "./answers.ts";
import { answerOf, type Call, Caller, type Ended, notSent } from "./caller.ts";
import { type Endpoint, ENDPOINTS, type OrdersClient, type Params } from "./ccxt_orders.ts";
import { collectFills } from "./fills.ts";
import { readReplacement } from "./replacements.ts";
import {
  byClientId,
  byName,
  pairPlacement,
  placement,
  replacement,
  RequestInvalid,
  symbolOf,
} from "./requests.ts";
import type { Outside } from "./transport.ts";

/**
 * Orders of one environment of the exchange. Nothing throws; an answer that cannot be read makes the call `unknown`,
 * whatever its HTTP status.
 */
export class BinanceVenue implements Venue {
  readonly #caller: Caller;

  /** `client` is asked for at each call: loading it may take a moment the first time. */
  constructor(client: () => Promise<OrdersClient>, outside: Outside) {
    this.#caller = new Caller(client, outside);
  }

  submit(symbol: string, order: OrderRequest, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("submit", leave);
    return this.#change(
      call,
      ENDPOINTS.placeOrder,
      () => placement(symbol, order),
      whenAccepted((json) => ({
        order: readPlaced(json, symbol, order),
      })),
    );
  }

  submitPair(symbol: string, pair: PairRequest, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("submit_pair", leave);
    const ids = [pair.target.clientOrderId, pair.stop.clientOrderId];
    return this.#change(
      call,
      ENDPOINTS.placePair,
      () => pairPlacement(symbol, pair),
      whenAccepted((json) => ({
        orders: readList(json, symbol, ids),
      })),
    );
  }

  cancel(symbol: string, clientOrderId: string, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("cancel", leave);
    return this.#change(
      call,
      ENDPOINTS.cancelOrder,
      () => byClientId(symbol, clientOrderId),
      whenAccepted((json) => ({
        order: readCancelled(json, symbol, clientOrderId),
      })),
    );
  }

  replace(symbol: string, request: ReplaceRequest, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("replace", leave);
    const params = () => replacement(symbol, request);
    return this.#change(
      call,
      ENDPOINTS.replaceOrder,
      params,
      (ended) => readReplacement(ended, symbol, request, leave.key),
    );
  }

  checkOrder(symbol: string, order: OrderRequest, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("check_order", leave);
    return this.#ask(call, ENDPOINTS.checkOrder, () => placement(symbol, order), () => ({}));
  }

  lookup(symbol: string, name: OrderName, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("lookup", leave);
    return this.#ask(
      call,
      ENDPOINTS.getOrder,
      () => byName(symbol, name),
      whenAccepted((json) => ({
        order: readOrder(json, symbol, name),
      })),
    );
  }

  fills(symbol: string, request: FillsRequest, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("fills", leave);
    return settled(call, async (note) => {
      const ask = async (params: Params) => note(await this.#caller.ask(call, ENDPOINTS.myTrades, params));
      const { ended, fills } = await collectFills(symbolOf(symbol), request, leave.window.timestampMs, ask);
      return { ...answerOf(ended), ...(ended.outcome === "accepted" && { fills }) };
    });
  }

  openOrders(symbol: string | null, leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("open_orders", leave);
    const params = (): Params => symbol === null ? {} : { symbol: symbolOf(symbol) };
    return this.#ask(
      call,
      ENDPOINTS.openOrders,
      params,
      whenAccepted(readOpenOrders),
    );
  }

  balances(leave: Leave): Promise<VenueAnswer> {
    const call = this.#caller.begin("balances", leave);
    return this.#ask(
      call,
      ENDPOINTS.account,
      () => ({ omitZeroBalances: "true" }),
      whenAccepted((json) => {
        const { uid, canTrade, balances } = readAccount(json);
        return { balances, account: { uid, canTrade } };
      }),
    );
  }

  serverTime(): Promise<VenueAnswer> {
    const call = this.#caller.begin("server_time", null);
    return this.#ask(
      call,
      ENDPOINTS.time,
      () => ({}),
      whenAccepted((json) => ({ serverTimeMs: readServerTime(json) })),
    );
  }

  #change(call: Call, endpoint: Endpoint, params: () => Params, read: Read): Promise<VenueAnswer> {
    return settled(call, async (note) => read(note(await this.#caller.change(call, endpoint, params()))));
  }

  #ask(call: Call, endpoint: Endpoint, params: () => Params, read: Read): Promise<VenueAnswer> {
    return settled(call, async (note) => read(note(await this.#caller.ask(call, endpoint, params()))));
  }
}

/** What an answer says besides how the call ended. */
type Read = (ended: Ended) => Partial<VenueAnswer>;

function whenAccepted(read: (json: unknown) => Partial<VenueAnswer>): Read {
  return ({ outcome, json }) => outcome === "accepted" ? read(json) : {};
}

/**
 * Makes an answer of whatever happens. `note` is told of each request that has ended. What goes wrong before any request
 * of the call may have left was not sent; what goes wrong after that is an answer that could not be read.
 */
async function settled(
  call: Call,
  work: (note: (ended: Ended) => Ended) => Promise<Partial<VenueAnswer>>,
): Promise<VenueAnswer> {
  const noted: { last?: Ended } = {};
  const facts = () => ({ ...noted.last?.facts ?? NO_FACTS, requests: call.requests });
  try {
    const answer = await work((ended) => noted.last = ended);
    return { ...answerOf(noted.last!), ...answer, facts: facts() };
  } catch (error) {
    if (call.requests === 0) {
      return error instanceof RequestInvalid
        ? notSent("bad_request", error.message)
        : notSent("unreachable", `no request could be made: ${oddityOf(error)}`);
    }
    const outcome = {
      outcome: "unknown",
      reason: "malformed_answer",
      code: noted.last?.code ?? null,
    } as const;
    return { ...outcome, message: oddityOf(error), facts: facts() };
  }
}

/** What is odd about an answer, without anything of its content. */
function oddityOf(error: unknown): string {
  if (error instanceof AnswerMismatch) return error.message;
  if (!(error instanceof ZodError)) return error instanceof Error ? error.name : "not an error";
  const places = error.issues.slice(0, 5).map(({ path }) => path.join(".") || "all of it");
  return `the answer is not as documented: ${[...new Set(places)].join(", ")}`;
}
