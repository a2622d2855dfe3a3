// test: alone
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { eventually, processTree, Start, untilGone } from "./start_process.ts";

const NO_SESSION = { auth: { persistSession: false, autoRefreshToken: false } };
/** The scanner writes every 2.5 s, after a few seconds of watching. */
const FIRST_POSITION_MS = 30_000;
const SECOND_START_MS = 6_000;
/** A job that was running when the database died is tried again when its lease of 30 s is over. */
const AFTER_CRASH_MS = 80_000;

async function inTempDir(check: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fillbase-start-" });
  await Deno.chmod(dir, 0o711);
  try {
    await check(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function signIn(env: Record<string, string>): Promise<SupabaseClient> {
  const client = createClient(env["SUPABASE_URL"]!, env["SUPABASE_PUBLISHABLE_KEY"]!, NO_SESSION);
  const { error } = await client.auth.signInWithPassword({
    email: env["DEMO_EMAIL"]!,
    password: env["DEMO_PASSWORD"]!,
  });
  equal(error, null);
  await client.realtime.setAuth();
  return client;
}

interface PositionMessage {
  readonly position: { readonly id: string; readonly status: string };
}

/** The first position that is announced as open on the user's private channel. */
async function firstOpenPosition(client: SupabaseClient): Promise<string> {
  const { data } = await client.auth.getUser();
  const opened = Promise.withResolvers<string>();
  const timer = setTimeout(() => opened.reject(new Error("no position opened")), FIRST_POSITION_MS);
  client.channel(`user:${data.user!.id}`, { config: { private: true } })
    .on("broadcast", { event: "position" }, ({ payload }) => {
      const { position } = payload as PositionMessage;
      if (position.status === "open") opened.resolve(position.id);
    })
    .subscribe();
  try {
    return await opened.promise;
  } finally {
    clearTimeout(timer);
  }
}

async function positionIds(client: SupabaseClient): Promise<string[]> {
  const { data, error } = await client.from("positions").select("id").order("id");
  if (error) throw new Error(error.message);
  return data.map(({ id }) => id);
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** A decision made after `since` has become a position or a refusal: the whole way works. */
async function hasExecutedSince(client: SupabaseClient, since: string): Promise<boolean> {
  const { data } = await client.from("signals").select("id").eq("decision", "enter_trade")
    .gt("decided_at", since).in("status", ["in_position", "completed", "rejected"]);
  return (data ?? []).length > 0;
}

async function killDatabase(dataDir: string): Promise<void> {
  const [pid] = (await Deno.readTextFile(`${dataDir}/postgres/cluster/postmaster.pid`)).split("\n", 1);
  Deno.kill(Number(pid), "SIGKILL");
}

async function checkEnvFile(path: string, env: Record<string, string>): Promise<void> {
  equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  equal(Object.values(env).filter((value) => value === ""), []);
  match(env["SUPABASE_DB_URL"]!, /^postgres:\/\/postgres:/);
}

const LAST_WORDS = 20;

/** Ends it and checks its exit code, if it may choose one, and that every process of it is gone. */
async function endWhole(start: Start, signal: Deno.Signal): Promise<void> {
  const tree = await processTree(start.pid);
  ok(tree.length > 3, `only ${tree.length} processes`);
  const code = await start.end(signal);
  if (signal !== "SIGKILL") equal(code, 0, start.said.slice(-LAST_WORDS).join("\n"));
  await untilGone(tree);
}

Deno.test("start opens positions by itself, outlives its database and itself, and goes on with everything", () =>
  inTempDir(async (dir) => {
    const [dataDir, envFile] = [`${dir}/data`, `${dir}/env`];
    const args = ["--port", "0", "--data-dir", dataDir, "--market", "synthetic:7", "--speed", "20", "--json"];
    const launch = () => Start.launch([...args, "--env-file", envFile], envFile);

    await using first = await launch();
    await checkEnvFile(envFile, first.env);
    const client = await signIn(first.env);
    const opened = await firstOpenPosition(client);
    ok((await positionIds(client)).includes(opened), "the owner does not find the position");
    const stranger = createClient(
      first.env["SUPABASE_URL"]!,
      first.env["SUPABASE_PUBLISHABLE_KEY"]!,
      NO_SESSION,
    );
    equal((await stranger.from("positions").select("id")).data ?? [], []);

    const killedAt = new Date().toISOString();
    await killDatabase(dataDir);
    await eventually(AFTER_CRASH_MS, () => hasExecutedSince(client, killedAt));
    const known = await positionIds(client);
    await client.removeAllChannels();
    await endWhole(first, "SIGTERM");
    equal(await exists(envFile), false, "the env file outlives what it describes");

    await using second = await launch();
    ok(second.readyMs <= SECOND_START_MS, `ready after ${second.readyMs} ms`);
    const after = await positionIds(await signIn(second.env));
    equal(known.filter((id) => !after.includes(id)), []);
    await endWhole(second, "SIGKILL");
    equal(await exists(envFile), true, "a killed start cannot tidy up");

    await using third = await launch();
    const recovered = await positionIds(await signIn(third.env));
    equal(after.filter((id) => !recovered.includes(id)), []);
    await endWhole(third, "SIGINT");
  }));

const WRONG: readonly [why: string, args: string[], words: RegExp][] = [
  ["an unknown option", ["--prot", "1"], /unknown option '--prot'/],
  ["an unknown market", ["--market", "nasdaq"], /"nasdaq" is not known/],
  ["a missing replay file", ["--market", "replay:BTCUSDT_1m_none.csv"], /there is no file/],
  ["a port that is no number", ["--port", "http"], /whole number from 0 to 65535/],
  ["a speed of zero", ["--speed", "0"], /above 0/],
  ["a data directory that cannot be", ["--data-dir", "/dev/null/data"], /cannot be written to/],
];

for (const [why, args, words] of WRONG) {
  Deno.test(`start refuses ${why} with exit code 2 and one line`, () =>
    inTempDir(async (dir) => {
      const { code, stderr } = await Start.refused(["--port", "0", "--data-dir", `${dir}/data`, ...args]);
      equal(code, 2);
      match(stderr, words);
      equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }));
}

Deno.test("start says what to do when its port is taken, with exit code 1", () =>
  inTempDir(async (dir) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const { code, stderr } = await Start.refused(["--port", `${port}`, "--data-dir", `${dir}/data`]);
    equal(code, 1);
    match(stderr, /^start: Port \d+ on 127\.0\.0\.1 is taken by another program\. .*--port\.\n$/);
  }));
