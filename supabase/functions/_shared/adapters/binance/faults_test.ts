import assert from "node:assert/strict";
import type { VenueAnswer } from "../../domain/venue.ts";
import { type Alteration, FAULT_KINDS, type FaultKind } from "../../../../../simulator/faults/faults.ts";
import { buy, Floor, LIMIT, pair, sell, STOP, SYMBOL } from "../../../../../tests/harness/binance_floor.ts";

interface Meeting {
  readonly name: string;
  readonly kind: FaultKind;
  readonly isExecuted: boolean;
  readonly ms: number;
  readonly alter?: Alteration;
  readonly padding?: number;
}

/** Whole answers that say something else. */
const ALTERATIONS: readonly (readonly [string, Alteration, number?])[] = [
  ["without an order id", { orderId: null }],
  ["with another client id", { clientOrderId: "somebody-elses", origClientOrderId: "somebody-elses" }],
  ["without a status", { status: null }],
  ["with an unknown status", { status: "PONDERING" }],
  ["with a status that is a number", { status: 7 }],
  ["with a quantity that is no number", { executedQty: "NaN", origQty: "1e-2" }],
  ["without a quantity", { executedQty: null }],
  ["with more executed than ordered", { executedQty: "999", origQty: "1" }],
  ["with quantities as numbers", { executedQty: 0.01, origQty: 0.01 }],
  ["with the order id as text", { orderId: "12345678901234567890" }],
  ["with a new field", { mood: "good", fees: [] }],
  ["of ten megabytes", {}, 10_000_000],
];

const MEETINGS: readonly Meeting[] = (Object.keys(FAULT_KINDS) as FaultKind[]).flatMap((kind): Meeting[] => {
  if (kind === "altered") {
    return ALTERATIONS.map(([name, alter, padding = 0]) => ({
      name: `an answer ${name}`,
      kind,
      isExecuted: true,
      ms: 0,
      alter,
      padding,
    }));
  }
  const both = [true, false].map((isExecuted) => ({
    name: `${kind}${isExecuted ? ", carried out" : ""}`,
    kind,
    isExecuted,
    ms: 3_000,
  }));
  const isOpen = ["bus_error", "backend_timeout", "internal_error", "overloaded", "server_error", "html"];
  return isOpen.includes(kind)
    ? both
    : [{ ...both[0]!, name: kind, isExecuted: FAULT_KINDS[kind].isExecuted }];
});

interface Change {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly before?: (floor: Floor) => Promise<unknown>;
  readonly make: (floor: Floor) => Promise<VenueAnswer>;
  /** Whether it was done, and whether nothing of it was. */
  readonly isDone: (floor: Floor) => boolean;
  readonly isUntouched: (floor: Floor) => boolean;
}

const exists = (floor: Floor, id: string) => floor.truth(id).length > 0;
const isOpen = (floor: Floor, id: string) => floor.truth(id).some(({ status }) => status === "NEW");
const order = { method: "POST", path: "/api/v3/order" } as const;
const oco = { method: "POST", path: "/api/v3/orderList/oco" } as const;
const place = (request: ReturnType<typeof buy>): Change => ({
  ...order,
  name: `${request.type} ${request.side}`,
  make: (floor) => floor.venue.submit(SYMBOL, request, floor.leave()),
  isDone: (floor) => exists(floor, request.clientOrderId),
  isUntouched: (floor) => !exists(floor, request.clientOrderId),
});

const CHANGES: readonly Change[] = [
  place(buy("a-1")),
  place(buy("a-1", LIMIT)),
  place(sell("a-1", STOP)),
  {
    ...oco,
    name: "pair",
    make: (floor) => floor.venue.submitPair(SYMBOL, pair(), floor.leave()),
    isDone: (floor) => exists(floor, "target-1") && exists(floor, "stop-1"),
    isUntouched: (floor) => !exists(floor, "target-1") && !exists(floor, "stop-1"),
  },
  {
    name: "cancel",
    method: "DELETE",
    path: "/api/v3/order",
    before: (floor) => floor.venue.submit(SYMBOL, buy("l-1", LIMIT), floor.leave()),
    make: (floor) => floor.venue.cancel(SYMBOL, "l-1", floor.leave()),
    isDone: (floor) => !isOpen(floor, "l-1"),
    isUntouched: (floor) => isOpen(floor, "l-1"),
  },
  {
    name: "replacement",
    method: "POST",
    path: "/api/v3/order/cancelReplace",
    before: (floor) => floor.venue.submitPair(SYMBOL, pair(), floor.leave()),
    make: (floor) =>
      floor.venue.replace(SYMBOL, { cancelClientOrderId: "stop-1", order: sell("exit-1") }, floor.leave()),
    isDone: (floor) => !isOpen(floor, "stop-1") && exists(floor, "exit-1"),
    isUntouched: (floor) => isOpen(floor, "stop-1") && !exists(floor, "exit-1"),
  },
];

async function meet(change: Change, { kind, isExecuted, ms, alter, padding }: Meeting) {
  const floor = new Floor();
  await change.before?.(floor);
  const { method, path } = change;
  floor.desk.simulator.faults.add({
    ...{ kind, method, path, isExecuted, ms, alter, padding },
    ...{ times: 1, probability: 1, status: null },
  });
  const answer = await change.make(floor);
  // What is still on its way arrives.
  floor.desk.clock.advance(10_000);
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { floor, answer };
}

for (const change of CHANGES) {
  Deno.test(`whatever happens on the way, the answer to a ${change.name} is true of the exchange`, async (t) => {
    const outcomes = new Set<string>();
    for (const meeting of MEETINGS) {
      await t.step(meeting.name, async () => {
        const { floor, answer } = await meet(change, meeting);
        outcomes.add(answer.outcome);
        const said = `${answer.outcome} ${answer.reason} ${answer.message}`;
        if (answer.outcome === "accepted") assert.ok(change.isDone(floor), said);
        if (answer.outcome === "rejected" || answer.outcome === "not_sent") {
          assert.ok(change.isUntouched(floor), said);
        }
        const { apiKey, secret } = floor.client.key;
        const text = JSON.stringify(answer);
        assert.ok(!text.includes(apiKey) && !text.includes(secret) && !/signature=[0-9a-f]/.test(text));
      });
    }
    assert.deepEqual([...outcomes].sort(), ["accepted", "rejected", "unknown"]);
  });
}

Deno.test("of every fault there is a change that met it", () => {
  assert.deepEqual(new Set(MEETINGS.map(({ kind }) => kind)), new Set(Object.keys(FAULT_KINDS)));
});

Deno.test("what cannot be told from the answer is unknown, and what can is not", async () => {
  const expected: Partial<Record<FaultKind, string>> = {
    request_lost: "unknown",
    answer_lost: "unknown",
    bus_error: "unknown",
    backend_timeout: "unknown",
    internal_error: "unknown",
    overloaded: "unknown",
    server_error: "unknown",
    html: "unknown",
    truncated: "unknown",
    stalled: "unknown",
    delay_before: "unknown",
    delay_after: "unknown",
    restart: "unknown",
    duplicate: "accepted",
    not_found: "accepted",
    clock_skew: "rejected",
    too_many: "rejected",
    ban: "rejected",
  };
  for (const meeting of MEETINGS.filter(({ kind }) => kind !== "altered")) {
    const { answer } = await meet(CHANGES[0]!, meeting);
    assert.equal(answer.outcome, expected[meeting.kind], meeting.name);
  }
});

Deno.test("of the altered answers only those that lost nothing are accepted", async () => {
  for (const meeting of MEETINGS.filter(({ kind }) => kind === "altered")) {
    const { answer } = await meet(CHANGES[0]!, meeting);
    const isHarmless = /as numbers|id as text|new field/.test(meeting.name);
    assert.equal(answer.outcome, isHarmless ? "accepted" : "unknown", meeting.name);
    if (!isHarmless) assert.equal(answer.reason, "malformed_answer");
  }
});

Deno.test("a question is asked again after anything that passes, and then answered truly", async (t) => {
  for (const { name, kind, isExecuted, ms } of MEETINGS.filter(({ kind }) => kind !== "altered")) {
    await t.step(name, async () => {
      const floor = new Floor();
      await floor.venue.submit(SYMBOL, buy("l-1", LIMIT), floor.leave());
      floor.desk.simulator.faults.add({ kind, isExecuted, ms, times: 1, probability: 1, status: null });
      const { outcome, reason, order } = await floor.venue.lookup(
        SYMBOL,
        { clientOrderId: "l-1" },
        floor.leave(),
      );
      const isOnce = ["ban", "too_many", "not_found", "clock_skew", "restart"].includes(kind);
      if (!isOnce) assert.deepEqual([outcome, order?.status], ["accepted", "working"]);
      else if (outcome === "accepted") assert.equal(order!.status, "working");
      else {assert.ok(
          ["banned", "rate_limited", "order_not_found", "clock_skewed", "no_answer"].includes(reason!),
          reason!,
        );}
    });
  }
});
