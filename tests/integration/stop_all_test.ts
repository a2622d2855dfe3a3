import assert from "node:assert/strict";
import { createClient, FunctionRegion } from "@supabase/supabase-js";
import { corsHeaders } from "@supabase/supabase-js/cors";
import { eventually } from "../../local/testing.ts";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

const SETTLE_TIMEOUT_MS = 15_000;
const LEVELS = { entry: 49_000, stopLoss: 48_000 };
const RESTING = { entry_order_type: "limit", entry_timeout_seconds: 3_600 };

let floor: Floor;

Deno.test.beforeAll(async () => {
  floor = await openFloor({}, { prewarm: ["execute-trade", "stop-all"] });
  await floor.price("BTCUSDT", { bid: "50000.1", ask: "50001.1" });
});
Deno.test.afterAll(() => floor.stop());

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function send(query: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${floor.stack.url}/functions/v1/stop-all${query}`, init);
  return { status: response.status, body: await response.json() };
}

async function headersOf(user: FloorUser): Promise<Record<string, string>> {
  const token = (await user.client.auth.getSession()).data.session!.access_token;
  return { apikey: floor.stack.publishableKey, authorization: `Bearer ${token}` };
}

async function stop(user: FloorUser, body: object): Promise<Answer> {
  const headers = await headersOf(user);
  return await send("", {
    method: "POST",
    headers,
    body: JSON.stringify({ mode: "halt", reason: "a test", ...body }),
  });
}

async function progress(user: FloorUser, stopId: unknown): Promise<Answer> {
  return await send(`?id=${stopId}`, { headers: await headersOf(user) });
}

/** Asks how far a stop got until a time is set. */
function reached(user: FloorUser, stopId: unknown, field: string): Promise<Answer> {
  return eventually(`${field} of a stop`, async () => {
    const answer = await progress(user, stopId);
    return answer.body[field] ? answer : null;
  }, SETTLE_TIMEOUT_MS);
}

async function states(): Promise<string[]> {
  const rows = await floor.sql<{ state: string }[]>`
    select scope || ' ' || state as state from trading.trading_states where state <> 'active' order by 1`;
  return rows.map(({ state }) => state);
}

Deno.test("a user's stop answers at once, denies what comes later and is settled within seconds", async () => {
  const user = await floor.user();
  const trader = await floor.trader(user);
  const patient = await floor.trader(user, RESTING);
  const held = await floor.enter(trader, "BTCUSDT", LEVELS);
  const resting = await floor.decide(patient, "BTCUSDT", LEVELS);
  await eventually("a resting entry", async () => {
    const [row] = await floor
      .sql`select 1 from public.orders where signal_id = ${resting} and state = 'working'`;
    return row ?? null;
  });

  const { status, body } = await stop(user, { scope: "user" });
  assert.deepEqual([status, body["scope"], body["id"], body["mode"]], [202, "user", user.id, "halt"]);
  assert.ok(body["halted_at"]);
  const settled = await reached(user, body["stop_id"], "settled_at");
  assert.deepEqual([settled.body["entries_cancelled"], settled.body["entries_in_flight"]], [1, 0]);
  assert.equal(settled.body["positions_left"], 1, "what is held stays");
  assert.equal((await floor.fate(await floor.decide(trader, "BTCUSDT", LEVELS))).code, "trading_not_active");
  await floor.reached(held, "open");

  const again = await stop(user, { scope: "user" });
  assert.deepEqual([again.status, again.body["stop_id"]], [202, body["stop_id"]]);
  const { data, error } = await user.client.rpc("resume_trading", { p_scope: "user", p_reason: "a test" });
  assert.deepEqual([error, data.was, data.stop_id], [null, "halted", body["stop_id"]]);
  await floor.enter(trader, "BTCUSDT", LEVELS);
  assert.deepEqual(await floor.wrongBooks(), {});
});

Deno.test("a stop's request that comes again after the resume is told that nothing is halted", async () => {
  const user = await floor.user();
  await floor.trader(user);
  const wish = { scope: "user", request_id: crypto.randomUUID() };
  assert.equal((await stop(user, wish)).status, 202);
  assert.equal((await stop(user, wish)).status, 202, "while it stands it is the same stop");
  await user.client.rpc("resume_trading", { p_scope: "user", p_reason: "a test" });
  const late = await stop(user, wish);
  assert.deepEqual([late.status, late.body["code"]], [409, "stop_ended"]);
});

Deno.test("halt_and_flatten closes every position of a trader, and the page hears of it", async () => {
  const user = await floor.user();
  const trader = await floor.trader(user);
  const other = await floor.trader(user);
  const positions = [
    await floor.enter(trader, "BTCUSDT", LEVELS),
    await floor.enter(trader, "BTCUSDT", LEVELS),
  ];
  const kept = await floor.enter(other, "BTCUSDT", LEVELS);
  const heard: Record<string, unknown>[] = [];
  const channel = user.client.channel(`user:${user.id}`, { config: { private: true } })
    .on("broadcast", { event: "stop" }, ({ payload }) => heard.push(payload));
  await new Promise<void>((resolve, reject) =>
    channel.subscribe((state, error) => state === "SUBSCRIBED" ? resolve() : error && reject(error))
  );

  const { body } = await stop(user, { scope: "trader", id: trader, mode: "halt_and_flatten" });
  const flattened = await reached(user, body["stop_id"], "flattened_at");
  assert.equal(flattened.body["positions_left"], 0);
  for (const id of positions) await floor.reached(id, "closed");
  const rows = await floor
    .sql`select distinct exit_reason from public.positions where id = any (${positions})`;
  assert.deepEqual(rows.map(({ exit_reason }) => exit_reason), ["trading_stopped"]);
  await floor.reached(kept, "open");
  await eventually(
    "the message of the last close",
    () => heard.some((stop) => stop["flattened_at"] && stop["positions_left"] === 0) || null,
  );
  await user.client.removeChannel(channel);
  assert.deepEqual(await floor.wrongBooks(), {});
});

Deno.test("without the right nothing is stopped: 401, 403 and 404 with their codes", async () => {
  const before = await states();
  const owner = await floor.user();
  const trader = await floor.trader(owner);
  const stranger = await floor.user();
  const body = JSON.stringify({ scope: "user", mode: "halt", reason: "a test" });
  assert.equal((await send("", { method: "POST", body })).status, 401);
  const visitor = await send("", { method: "POST", headers: { apikey: floor.stack.publishableKey }, body });
  assert.deepEqual([visitor.status, visitor.body["code"]], [401, "credential_missing"]);
  for (
    const [wish, status, code] of [
      [{ scope: "trader", id: trader }, 404, "trader_not_found"],
      [{ scope: "user", id: owner.id }, 404, "user_not_found"],
      [{ scope: "everyone" }, 403, "operators_only"],
    ] as const
  ) {
    const answer = await stop(stranger, wish);
    assert.deepEqual([answer.status, answer.body["code"]], [status, code]);
  }
  assert.deepEqual(await states(), before);
});

Deno.test("a backend with the secret key stops a trader, and cannot resume it", async () => {
  const user = await floor.user();
  const trader = await floor.trader(user);
  const headers = { apikey: floor.stack.secretKey };
  const body = JSON.stringify({ scope: "trader", id: trader, mode: "halt", reason: "a test" });
  const answer = await send("", { method: "POST", headers, body });
  assert.deepEqual([answer.status, answer.body["requested_by"]], [202, "service_role"]);
  const scope = { p_scope: "trader", p_id: trader, p_reason: "a test" };
  assert.equal((await floor.stack.service.rpc("resume_trading", scope)).error?.code, "FB403");
  assert.equal((await user.client.rpc("resume_trading", scope)).error?.code, "FB403");
});

Deno.test("a stop is seen by its owner and by operators, and by nobody else", async () => {
  const [owner, stranger, operator] = [await floor.user(), await floor.user(), await floor.user()];
  await floor.sql`insert into trading.operators (user_id) values (${operator.id})`;
  const { body } = await stop(owner, { scope: "user" });
  assert.equal((await progress(owner, body["stop_id"])).status, 200);
  assert.equal((await progress(operator, body["stop_id"])).status, 200);
  const foreign = await progress(stranger, body["stop_id"]);
  assert.deepEqual([foreign.status, foreign.body["code"]], [404, "stop_not_found"]);
});

Deno.test("a request that is no stop is refused with its code and stops nothing", async () => {
  const user = await floor.user();
  const headers = await headersOf(user);
  const before = await states();
  const good = { scope: "user", mode: "halt", reason: "a test" };
  for (
    const body of [
      "",
      "{",
      "[]",
      "null",
      ...[
        { ...good, scope: "planet" },
        { ...good, mode: "panic" },
        { ...good, reason: "" },
        { ...good, reason: "a\0b" },
        { ...good, id: "1" },
        { ...good, flatten: true },
      ].map((one) => JSON.stringify(one)),
    ]
  ) {
    const answer = await send("", { method: "POST", headers, body });
    assert.deepEqual([answer.status, answer.body["code"]], [400, "body_invalid"], body);
  }
  const large = await send("", {
    method: "POST",
    headers,
    body: JSON.stringify({ ...good, reason: "x".repeat(10_000) }),
  });
  assert.deepEqual([large.status, large.body["code"]], [413, "body_too_large"]);
  for (const method of ["PUT", "DELETE"]) {
    assert.equal((await send("", { method, headers })).status, 405, method);
  }
  const nameless = await send("", { headers });
  assert.deepEqual([nameless.status, nameless.body["code"]], [400, "id_invalid"]);
  assert.deepEqual(await states(), before);
});

Deno.test("a page of another origin may ask and read the answer", async () => {
  const url = `${floor.stack.url}/functions/v1/stop-all`;
  const names = [...await headersOfInvoke(), ...corsHeaders["Access-Control-Allow-Headers"]!.split(", ")];
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin: "https://page.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": names.join(","),
    },
  });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "*"]);
  const allowed = preflight.headers.get("access-control-allow-headers")!.split(/, */);
  assert.deepEqual(names.filter((name) => !allowed.includes(name)), []);
});

/** What supabase-js sends with `functions.invoke`, its region named; those a browser asks no leave for are left out. */
async function headersOfInvoke(): Promise<string[]> {
  let names: string[] = [];
  const page = createClient(floor.stack.url, floor.stack.publishableKey, {
    global: {
      fetch: (_, init) => {
        names = [...new Headers(init?.headers).keys()];
        return Promise.resolve(Response.json({}));
      },
    },
  });
  await page.functions.invoke("stop-all", { region: FunctionRegion.EuCentral1, body: {} });
  assert.ok(names.includes("x-region"));
  return names;
}

Deno.test("the halt holds while no worker can work, and the rest follows when one can", async () => {
  const user = await floor.user();
  const trader = await floor.trader(user);
  const held = await floor.enter(trader, "BTCUSDT", LEVELS);
  await floor.idle();
  const [armed] = await floor.sql`select installation_url as url from trading.settings`;
  await floor.configure({ installation_url: "http://somewhere.else" });
  const { status, body } = await stop(user, { scope: "user", mode: "halt_and_flatten" });
  assert.equal(status, 202);
  assert.ok((await states()).includes("user halted"));
  assert.equal((await progress(user, body["stop_id"])).body["flattened_at"], null);
  await floor.reached(held, "open");

  await floor.configure({ installation_url: armed!["url"] });
  await reached(user, body["stop_id"], "flattened_at");
  await floor.reached(held, "closed");
  assert.deepEqual(await floor.wrongBooks(), {});
});

Deno.test("an operator stops everyone, and every user has an alert of it", async () => {
  const operator = await floor.user();
  await floor.sql`insert into trading.operators (user_id) values (${operator.id})`;
  const user = await floor.user();
  const trader = await floor.trader(user);
  await floor.enter(trader, "BTCUSDT", LEVELS);
  const { body } = await stop(operator, { scope: "everyone" });
  await reached(operator, body["stop_id"], "settled_at");
  assert.equal((await floor.fate(await floor.decide(trader, "BTCUSDT", LEVELS))).code, "trading_not_active");
  await eventually("the user's alert", async () => {
    const { data } = await user.client.from("alerts").select("severity, detail").eq("code", "emergency_stop");
    return data?.some((alert) =>
      alert.severity === "emergency" && alert.detail.stop_id === body["stop_id"]
    ) ||
      null;
  });
  const refused = await user.client.rpc("resume_trading", { p_scope: "everyone", p_reason: "a test" });
  assert.equal(refused.error?.code, "FB403");
  const resumed = await operator.client.rpc("resume_trading", { p_scope: "everyone", p_reason: "a test" });
  assert.equal(resumed.error, null);
  await floor.enter(trader, "BTCUSDT", LEVELS);
});
