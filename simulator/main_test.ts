import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseOptions, UsageError } from "./options.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

interface Ready {
  readonly url: string;
  readonly uid: number;
  readonly apiKey: string;
  readonly secret: string;
  readonly adminUrl: string;
  readonly adminToken: string;
}

function start(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const words = new Response(child.stderr).text();
  const readLine = async () => (await lines.read()).value ?? "";
  return { child, readLine, words };
}

async function stop({ child, words }: ReturnType<typeof start>): Promise<{ code: number; words: string }> {
  child.kill("SIGINT");
  const { code } = await child.status;
  return { code, words: await words };
}

async function account(
  { url, apiKey, secret }: Ready,
): Promise<{ uid: number; balances: { asset: string; free: string }[] }> {
  const query = `timestamp=${Date.now()}`;
  const signature = createHmac("sha256", secret).update(query).digest("hex");
  const answer = await fetch(`${url}/api/v3/account?${query}&signature=${signature}`, {
    headers: { "X-MBX-APIKEY": apiKey, connection: "close" },
  });
  assert.equal(answer.status, 200);
  return await answer.json();
}

Deno.test("it starts, answers, stops on Ctrl-C, and goes on with the state that it kept", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const args = ["--port", "0", "--json", "--state", `${dir}/state.json`];
    const first = start(...args);
    const ready = JSON.parse(await first.readLine()) as Ready;
    const { uid, balances } = await account(ready);
    assert.equal(uid, ready.uid);
    assert.deepEqual(balances.find(({ asset }) => asset === "USDT")?.free, "100000.00000000");
    const headers = { authorization: `Bearer ${ready.adminToken}` };
    const body = '{"id":"demo","balances":{"USDT":"5"}}';
    await (await fetch(`${ready.adminUrl}/accounts`, { method: "POST", headers, body })).body?.cancel();
    assert.deepEqual(await stop(first), { code: 0, words: "" });
    const second = start(...args);
    const again = JSON.parse(await second.readLine()) as Ready;
    assert.equal(again.apiKey, ready.apiKey);
    const kept = await account(again);
    assert.deepEqual(kept.balances.find(({ asset }) => asset === "USDT")?.free, "100005.00000000");
    assert.equal((await stop(second)).code, 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what was answered before the end is in the state, to the last request", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const args = ["--port", "0", "--json", "--market", "still", "--state", `${dir}/state.json`];
    const first = start(...args);
    const { adminUrl, adminToken } = JSON.parse(await first.readLine()) as Ready;
    const init = { method: "POST", headers: { authorization: `Bearer ${adminToken}` } };
    const deposit = '{"id":"demo","balances":{"USDT":"1"}}';
    let answered = 0;
    const send = async (): Promise<void> => {
      const answer = await fetch(`${adminUrl}/accounts`, { ...init, body: deposit });
      await answer.json();
      answered++;
      await send();
    };
    const clients = Array.from({ length: 30 }, () => send().catch(() => {}));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(await stop(first), { code: 0, words: "" });
    await Promise.all(clients);
    assert.ok(answered > 30, "nothing was under way");
    const second = start(...args);
    const { balances } = await account(JSON.parse(await second.readLine()) as Ready);
    const kept = parseFloat(balances.find(({ asset }) => asset === "USDT")!.free) - 100_000;
    assert.ok(kept >= answered, `${answered} were answered, ${kept} were kept`);
    await stop(second);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what cannot work is said in one line, with exit code 2, and 1 for a port in use", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/state.json`, "{}");
    await Deno.writeTextFile(`${dir}/cut.json`, '{"version":2,"exchange":{"mark');
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const cases = [
      [["--market", "casino"], 2, /must be synthetic, still or replay/],
      [["--market", "replay:BTCUSDT_none.csv"], 2, /BTCUSDT_none\.csv cannot be read/],
      [["--state", `${dir}/state.json`], 2, /state\.json cannot be used/],
      [["--state", `${dir}/cut.json`], 2, /cut\.json cannot be used/],
      [["--state", dir], 1, /./],
      [["--port", String(listener.addr.port)], 1, /is in use/],
      [["--port", "0", "--admin-port", String(listener.addr.port)], 1, /in use.*--admin-port/],
    ] as const;
    for (const [args, code, words] of cases) {
      const run = start(...args);
      assert.equal((await run.child.status).code, code);
      const said = await run.words;
      assert.match(said, words);
      assert.equal(said.trim().split("\n").length, 1, said);
      await run.child.stdout.cancel().catch(() => {});
    }
    listener.close();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("options: the defaults, and what is out of range", () => {
  const options = parseOptions([]);
  assert.deepEqual([options?.market, options?.seed, options?.faults, options?.stateFile], [
    { kind: "synthetic" },
    1,
    0,
    null,
  ]);
  assert.equal(parseOptions(["--market", "replay:a.csv, b.csv"])?.market.kind, "replay");
  for (
    const args of [["--port", "70000"], ["--seed", "x"], ["--faults", "2"], ["--market", "replay:"], [
      "--nonsense",
    ]]
  ) {
    assert.throws(() => parseOptions(args), UsageError, args.join(" "));
  }
  assert.throws(() => parseOptions(["--port", "5000", "--admin-port", "5000"]), UsageError);
});
