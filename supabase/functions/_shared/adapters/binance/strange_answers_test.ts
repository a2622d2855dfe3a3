import assert from "node:assert/strict";
import fc from "fast-check";
import type { OrderReport, Side, VenueAnswer } from "../../domain/venue.ts";
import {
  buy,
  leaveFor,
  pair,
  sell,
  standing,
  SYMBOL,
  venueAt,
} from "../../../../../tests/harness/binance_floor.ts";
import type { BinanceVenue } from "./venue.ts";

const order = (clientOrderId: string, rest: object = {}) => ({
  ...{ symbol: SYMBOL, orderId: 28, orderListId: -1, clientOrderId, transactTime: 1_795_345_744_500 },
  ...{
    price: "0.00000000",
    origQty: "0.01000000",
    executedQty: "0.01000000",
    cummulativeQuoteQty: "600.01000000",
  },
  ...{ status: "FILLED", timeInForce: "GTC", type: "MARKET", side: "BUY" },
  fills: [{
    price: "60001.00",
    qty: "0.01000000",
    commission: "0.00001",
    commissionAsset: "BTC",
    tradeId: 7,
  }],
  ...rest,
});
const resting = { executedQty: "0", cummulativeQuoteQty: "0", status: "NEW", fills: [] };
const leg = { ...resting, side: "SELL" };
const cancelled = {
  ...resting,
  side: "SELL",
  status: "CANCELED",
  origClientOrderId: "stop-1",
  fills: undefined,
};

interface Change {
  readonly name: string;
  readonly answer: object;
  readonly make: (venue: BinanceVenue) => Promise<VenueAnswer>;
  /** Ids of the orders that an accepted answer must tell of. */
  readonly ids: readonly string[];
  readonly side: Side;
}

const CHANGES: readonly Change[] = [
  {
    name: "placement",
    answer: order("a-1"),
    make: (venue) => venue.submit(SYMBOL, buy("a-1"), leaveFor()),
    ids: ["a-1"],
    side: "BUY",
  },
  {
    name: "pair",
    answer: {
      orderListId: 1,
      symbol: SYMBOL,
      orderReports: [order("stop-1", leg), order("target-1", leg)],
    },
    make: (venue) => venue.submitPair(SYMBOL, pair(), leaveFor()),
    ids: ["target-1", "stop-1"],
    side: "SELL",
  },
  {
    name: "cancel",
    answer: order("x", cancelled),
    make: (venue) => venue.cancel(SYMBOL, "stop-1", leaveFor()),
    ids: ["stop-1"],
    side: "SELL",
  },
  {
    name: "replacement",
    answer: {
      ...{ cancelResult: "SUCCESS", newOrderResult: "SUCCESS" },
      ...{ cancelResponse: order("x", cancelled), newOrderResponse: order("exit-1", { side: "SELL" }) },
    },
    make: (venue) =>
      venue.replace(SYMBOL, { cancelClientOrderId: "stop-1", order: sell("exit-1") }, leaveFor()),
    ids: ["stop-1", "exit-1"],
    side: "SELL",
  },
];

type Path = readonly string[];

/** Every place in an answer. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => placesIn(inner, [...path, name]))];
}

/** A copy that has something else in one place; undefined takes the place away. */
function withAt(value: unknown, [name, ...rest]: Path, instead: unknown): unknown {
  if (name === undefined) return instead;
  const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as Record<string, unknown>;
  copy[name] = withAt(copy[name], rest, instead);
  return copy;
}

const STRANGE = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(
    undefined,
    "",
    " ",
    "NaN",
    "1e3",
    "-1",
    "0x10",
    "１２",
    -0,
    1e300,
    2 ** 53,
    "SUCCESS",
    "FILLED",
    "BUY",
    "SELL",
    "a-1",
  ),
);

function assertTells(answer: VenueAnswer, { ids, side }: Change): void {
  const orders = [answer.cancelled, answer.order, ...answer.orders ?? []].filter((each) =>
    each !== undefined
  );
  assert.deepEqual(orders.map(({ clientOrderId }) => clientOrderId), ids);
  for (const each of orders as OrderReport[]) {
    if (each !== answer.cancelled && each.status !== "cancelled") assert.equal(each.side, side);
    assert.equal(each.symbol, SYMBOL);
    assert.match(each.exchangeOrderId, /^\d+$/);
    assert.ok([each.quantity, each.executedQuantity].every((amount) => /^\d+(\.\d+)?$/.test(amount)));
    assert.ok(Number.isSafeInteger(each.updatedAtMs));
  }
}

for (const change of CHANGES) {
  const { name, answer, make } = change;
  const sending = (body: BodyInit, status: number) => {
    const send = () => Promise.resolve(new Response(body, { status }));
    return venueAt("http://venue.invalid", standing(send as unknown as typeof fetch));
  };

  Deno.test(`a ${name} with anything in any place of its answer is accepted as asked for, or unknown`, async () => {
    assertTells(await make(sending(JSON.stringify(answer), 200)), change);
    const places = fc.constantFrom(...placesIn(answer));
    await fc.assert(
      fc.asyncProperty(places, STRANGE, async (path, instead) => {
        const told = await make(sending(JSON.stringify(withAt(answer, path, instead)) ?? "", 200));
        if (told.outcome === "accepted") assertTells(told, change);
        else assert.deepEqual([told.outcome, told.reason], ["unknown", "malformed_answer"]);
      }),
      { numRuns: 100 },
    );
  });

  Deno.test(`a ${name} that is answered with any bytes under any status is never taken for what it is not`, async () => {
    const statuses = fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(200, 400, 409, 429, 500))
      .filter((status) => ![204, 205, 304].includes(status));
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
    );
    await fc.assert(
      fc.asyncProperty(statuses, bodies, async (status, bytes) => {
        const told = await make(sending(new Uint8Array(bytes), status));
        assert.notEqual(told.outcome, "accepted");
        assert.notEqual(told.outcome, "not_sent");
        if (told.outcome === "rejected") assert.ok([403, 418, 429, 451].includes(status), `${status}`);
      }),
      { numRuns: 100 },
    );
  });
}
