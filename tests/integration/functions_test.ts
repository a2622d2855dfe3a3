import assert from "node:assert/strict";
import { MarketRpc } from "../../supabase/functions/_shared/adapters/market_rpc.ts";
import { type Floor, openFloor } from "./floor.ts";

const BELL = "x-fillbase-bell";

const logged: string[] = [];
let floor: Floor;

Deno.test.beforeAll(async () => {
  floor = await openFloor({}, {
    prewarm: ["execute-trade", "refresh-market"],
    log: (line) => logged.push(line),
  });
  await floor.price("BTCUSDT", { bid: "50000.1", ask: "50001.1" });
});
Deno.test.afterAll(() => floor.stop());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

async function call(slug: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${floor.stack.url}/functions/v1/${slug}`, init);
  const body = await response.json();
  return { status: response.status, code: body.code, body };
}

const ring = (slug: string, headers: HeadersInit = {}, body = "{}") =>
  call(slug, { method: "POST", headers, body });

/** A bell's signature as the database would have made it some seconds ago (negative: in the future). */
async function bell(secondsAgo = 0): Promise<string> {
  const [row] = await floor.sql`
    select trading.bell_token(clock_timestamp() - make_interval(secs => ${secondsAgo})) as token`;
  return row!["token"];
}

/** The signature with one digit of its HMAC changed. */
const forged = (token: string) => token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");

for (
  const [slug, accepted, missing] of [
    ["execute-trade", 202, "credential_missing"],
    ["refresh-market", 200, "bell_invalid"],
  ] as const
) {
  Deno.test(`${slug} is refused without a bell and without a key`, async () => {
    const { status, code } = await ring(slug);
    assert.deepEqual([status, code], [401, missing]);
  });

  Deno.test(`${slug} is refused with the publishable key and with a user's token`, async () => {
    const { client } = await floor.user(`visitor-of-${slug}`);
    const token = (await client.auth.getSession()).data.session!.access_token;
    const apikey = floor.stack.publishableKey;
    const attempts: Record<string, string>[] = [{ apikey }, { apikey, authorization: `Bearer ${token}` }];
    for (const headers of attempts) {
      const { status, code } = await ring(slug, headers);
      assert.deepEqual([status, code], [401, missing]);
    }
  });

  Deno.test(`${slug} is refused with a bell that was forged, is no bell, or comes from another time`, async () => {
    const tokens = [forged(await bell()), "bell", "1.2", await bell(62), await bell(-62)];
    for (const token of tokens) {
      const { status, code } = await ring(slug, { [BELL]: token });
      assert.deepEqual([status, code], [401, "bell_invalid"], token);
    }
  });

  Deno.test(`${slug} accepts a bell for a minute, each project secret key, and no other secret key`, async () => {
    assert.equal((await ring(slug, { [BELL]: await bell() })).status, accepted);
    assert.equal((await ring(slug, { [BELL]: await bell(50) })).status, accepted);
    for (const apikey of Object.values(floor.stack.gateway.keys.secrets)) {
      assert.equal((await ring(slug, { apikey })).status, accepted);
    }
    const { status, code } = await ring(slug, { apikey: forged(floor.stack.secretKey) });
    assert.deepEqual([status, code], [401, missing]);
  });

  Deno.test(`${slug} answers 413 to a body above 4 kB and 400 to one that is no JSON object`, async () => {
    const headers = { [BELL]: await bell() };
    const large = await ring(slug, headers, JSON.stringify({ padding: "x".repeat(5_000) }));
    assert.deepEqual([large.status, large.code], [413, "body_too_large"]);
    for (const body of ["{", "[]", '"bell"', '{"handover": "yes"}', "\u0000"]) {
      const { status, code } = await ring(slug, headers, body);
      assert.deepEqual([status, code], [400, "body_invalid"], body);
    }
  });

  Deno.test(`${slug} answers 405 to GET, PUT and DELETE`, async () => {
    const headers = { [BELL]: await bell() };
    for (const method of ["GET", "PUT", "DELETE"]) {
      const { status, code } = await call(slug, { method, headers });
      assert.deepEqual([status, code], [405, "method_not_allowed"], method);
    }
  });
}

Deno.test("a body above the platform's 10 MB reaches no function", async () => {
  const body = new Uint8Array(10 * 1024 * 1024 + 1);
  const response = await fetch(`${floor.stack.url}/functions/v1/execute-trade`, { method: "POST", body });
  await response.body?.cancel();
  assert.equal(response.status, 413);
});

Deno.test("a function that does not exist answers 404", async () => {
  const { status } = await ring("no-such-function", { apikey: floor.stack.secretKey });
  assert.equal(status, 404);
});

Deno.test("a copy of the database refuses to trade: 423, what to do, and the job waits", async () => {
  const traderId = await floor.trader(await floor.user());
  const [armed] = await floor.sql`select installation_url as url from trading.settings`;
  await floor.configure({ installation_url: "http://somewhere.else" });
  const signalId = await floor.decide(traderId, "BTCUSDT", { stopLoss: 49000 });
  const { status, code, body } = await ring("execute-trade", { [BELL]: await bell() });
  assert.deepEqual([status, code], [423, "installation_not_armed"]);
  assert.match(String(body["hint"]), /arm_installation/);
  const [job] = await floor.sql`select status, attempts from trading.jobs where signal_id = ${signalId}`;
  assert.deepEqual({ ...job }, { status: "queued", attempts: 0 });

  await floor.configure({ installation_url: armed!["url"] });
  assert.equal((await ring("execute-trade", { [BELL]: await bell() })).status, 202);
  assert.equal((await floor.fate(signalId)).status, "in_position");
});

Deno.test("no answer and no log line of a function holds a key or the bell's secret", async () => {
  const answers = await Promise.all([
    ring("execute-trade", { apikey: floor.stack.secretKey }, "{"),
    ring("execute-trade", { [BELL]: forged(await bell()) }),
    ring("refresh-market", { apikey: forged(floor.stack.secretKey) }),
  ]);
  const lines = [...logged, ...answers.map(({ body }) => JSON.stringify(body))];
  assert.ok(lines.some((line) => line.includes("bell_refused")));
  const [secret] = await floor.sql`select trading.vault_text('fillbase_bell_secret') as bell`;
  for (const hidden of [...Object.values(floor.stack.gateway.keys.secrets), String(secret!["bell"])]) {
    assert.deepEqual(lines.filter((line) => line.includes(hidden)), []);
  }
});

Deno.test("a flood of bells executes a decision once", async () => {
  const traderId = await floor.trader(await floor.user());
  const signalId = await floor.decide(traderId, "BTCUSDT", { stopLoss: 49000 });
  const headers = { [BELL]: await bell() };
  const answers = await Promise.all(Array.from({ length: 25 }, () => ring("execute-trade", headers)));
  assert.ok(answers.every(({ status }) => status === 202));
  await floor.fate(signalId);
  assert.deepEqual(await floor.wrongBooks(), {});
  const [count] = await floor
    .sql`select count(*)::int as n from public.positions where signal_id = ${signalId}`;
  assert.equal(count!["n"], 1);
});

Deno.test("a refusal that one invocation was told of silences the polls of every other", async () => {
  const { url, secretKey } = floor.stack;
  const environment = { url, secretKeys: { default: secretKey }, databaseUrl: "", installationSecret: "" };
  const [one, other] = [new MarketRpc(environment, true), new MarketRpc(environment, true)];
  assert.deepEqual(await other.pollPlan(), new Map());
  await one.heedLimit(60_000);
  assert.equal(await other.pollPlan(), null);
  const { status, body } = await ring("refresh-market", { apikey: secretKey });
  assert.deepEqual([status, body], [200, { asked: 0, instruments: 0, applied: 0, stops: 0, limits: 0 }]);
});
