import assert from "node:assert/strict";
import { runCommand } from "../http/admin.ts";
import { Desk, SYMBOL } from "../testing.ts";
import { FAULT_KINDS, type FaultKind, Faults } from "./faults.ts";

/** What every kind can hit. */
const ASK = { method: "GET", path: "/api/v3/order", query: "", body: "", apiKey: null, ip: "10.0.0.1" };
const BUY = { symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: "0.1" } as const;
const DRAWN = (Object.keys(FAULT_KINDS) as FaultKind[]).filter((kind) => kind !== "altered");

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

Deno.test("the share that was asked for meets a fault, every kind as often", () => {
  const DRAWS = 40_000;
  for (const share of [0.3, 1]) {
    const faults = new Faults(1);
    faults.addAll(share, 0);
    let hits = 0;
    for (let at = 0; at < DRAWS; at++) if (faults.draw(ASK) !== null) hits++;
    assert.ok(Math.abs(hits / DRAWS - share) < 0.01, `${hits} of ${DRAWS}, asked for ${share}`);
    for (const { kind, hitCount } of faults.list()) {
      const expected = DRAWS * share / DRAWN.length;
      assert.ok(
        Math.abs(hitCount - expected) < 0.15 * expected,
        `${kind} hit ${hitCount} times, not ${expected}`,
      );
    }
  }
});

Deno.test("whether it is carried out is said only of a fault that leaves it open", () => {
  const faults = new Faults(1);
  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
    const { isExecuted, isOpen } = FAULT_KINDS[kind];
    const rule = { kind, times: 1, probability: 1, status: null, ms: 0 };
    faults.add({ ...rule, isExecuted });
    if (isOpen) faults.add({ ...rule, isExecuted: !isExecuted });
    else assert.throws(() => faults.add({ ...rule, isExecuted: !isExecuted }), RangeError, kind);
  }
  const { status, json } = runCommand(
    new Desk().simulator,
    "POST /faults",
    '{"kind":"answer_lost","isExecuted":false}',
  );
  assert.deepEqual([status, json], [400, { error: "answer_lost is always carried out." }]);
});

Deno.test("a restart takes the requests with it that are under way, carried out or not", async () => {
  for (const [kind, bought] of [["delay_before", "0/0"], ["delay_after", "0.0999/0"]] as const) {
    const desk = new Desk();
    const client = desk.client("a", { USDT: "100000" });
    const rule = { times: 1, probability: 1, isExecuted: true, status: null };
    desk.simulator.faults.add({ ...rule, kind, ms: 1_000 });
    const sent = desk.simulator.handle(client.request("POST", "/api/v3/order", BUY));
    await settled();
    desk.simulator.restart(0);
    desk.clock.advance(1_000);
    assert.equal((await sent).kind, "dropped");
    assert.equal(client.balance("BTC"), bought, kind);
    assert.deepEqual(desk.simulator.log.map(({ status }) => status), [null]);
  }
});

Deno.test("each kind is set over the admin API, hits once, and does what the table says", async () => {
  const outcomes: Record<string, unknown> = {};
  for (const kind of Object.keys(FAULT_KINDS)) {
    const desk = new Desk();
    const client = desk.client("a", { USDT: "100000" });
    const path = kind === "not_found" ? {} : { method: "POST", path: "/api/v3/order" };
    const set = runCommand(desk.simulator, "POST /faults", JSON.stringify({ kind, ...path, ms: 3_000 }));
    assert.equal(set.status, 200);
    const request = kind === "not_found"
      ? client.request("GET", "/api/v3/order", { symbol: SYMBOL, orderId: 1 })
      : client.request("POST", "/api/v3/order", BUY);
    const sent = desk.simulator.handle(request);
    await settled();
    desk.clock.advance(3_000);
    const delivery = await sent;
    const status = delivery.kind === "dropped" ? null : delivery.answer.status;
    outcomes[kind] = `${delivery.kind} ${status} ${client.balance("BTC").split("/")[0]}`;
    const [rule] = runCommand(desk.simulator, "GET /faults", "").json as {
      hitCount: number;
      times: number;
    }[];
    assert.deepEqual([rule!.hitCount, rule!.times], [1, 1]);
    assert.equal(desk.simulator.log[0]!.fault, kind);
    desk.assertNothingLeaked();
  }
  assert.deepEqual(outcomes, {
    request_lost: "dropped null 0",
    answer_lost: "dropped null 0.0999",
    bus_error: "answer 500 0.0999",
    backend_timeout: "answer 504 0.0999",
    internal_error: "answer 500 0.0999",
    overloaded: "answer 503 0",
    server_error: "answer 503 0",
    html: "answer 502 0.0999",
    truncated: "cut 200 0.0999",
    stalled: "cut 200 0.0999",
    delay_before: "answer 200 0.0999",
    delay_after: "answer 200 0.0999",
    duplicate: "answer 200 0.1998",
    clock_skew: "answer 200 0.0999",
    altered: "answer 200 0.0999",
    not_found: "answer 400 0",
    too_many: "answer 429 0",
    ban: "answer 418 0",
    restart: "dropped null 0",
  });
});

Deno.test("-2013 is said to a question about an order and to nothing else", async () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "100000" });
  runCommand(desk.simulator, "POST /faults", '{"kind":"not_found"}');
  await desk.simulator.handle(client.request("POST", "/api/v3/order", BUY));
  const ask = client.request("GET", "/api/v3/order", { symbol: SYMBOL, orderId: 1 });
  const delivery = await desk.simulator.handle(ask);
  assert.equal(delivery.kind === "answer" && JSON.parse(delivery.answer.body).code, -2013);
  assert.deepEqual(desk.simulator.log.map(({ fault }) => fault), [null, "not_found"]);
});

Deno.test("of rules that have done their work only the newest are remembered", () => {
  const faults = new Faults(1);
  const rule = { times: 1, probability: 1, isExecuted: false, status: null, ms: 0 };
  const stays = faults.add({ ...rule, kind: "server_error", path: "/never" });
  for (let at = 0; at < 5_000; at++) {
    faults.add({ ...rule, kind: "server_error" });
    faults.draw(ASK);
  }
  assert.ok(faults.list().length <= 1_002, `${faults.list().length} rules`);
  assert.equal(faults.list()[0], stays);
});
