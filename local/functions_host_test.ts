import assert from "node:assert/strict";
import { type FunctionsHost, type FunctionsHostOptions, startFunctionsHost } from "./functions_host.ts";
import { loadKeys } from "./keys.ts";
import { eventually, withDataDir } from "./testing.ts";
import { createTokenService, type TokenService } from "./tokens.ts";

const FIXTURES = new URL("./fixtures/", import.meta.url).pathname;

interface TestHost {
  readonly host: FunctionsHost;
  readonly tokens: TokenService;
  readonly publishable: string;
  /** The writable copy of the fixtures that is being served. */
  readonly dir: string;
  readonly logs: string[];
  call(path: string, init?: RequestInit): Promise<Response>;
}

async function withHost(
  body: (test: TestHost) => Promise<void>,
  options: Partial<FunctionsHostOptions> = {},
): Promise<void> {
  await withDataDir(async (dir) => {
    await copyTree(FIXTURES, dir);
    const keys = await loadKeys(dir);
    const url = "http://127.0.0.1:54321";
    const tokens = await createTokenService({
      signingKey: keys.signingKey,
      innerSecret: crypto.randomUUID() + crypto.randomUUID(),
      issuer: `${url}/auth/v1`,
    });
    const logs: string[] = [];
    const host = await startFunctionsHost({
      functionsDir: `${dir}/functions`,
      url,
      postgres: { url: "postgres://postgres@127.0.0.1:1/postgres" },
      keys,
      tokens,
      log: (line) => void logs.push(line),
      ...options,
    });
    const call = (path: string, init?: RequestInit) =>
      host.handle(new Request(`${url}/functions/v1/${path}`, init));
    try {
      await body({ host, tokens, publishable: keys.publishable, dir, logs, call });
    } finally {
      await host.stop();
    }
  });
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyTree(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

async function refusalOf(response: Response): Promise<[number, string | null, string]> {
  const { code } = await response.json() as { code: string };
  return [response.status, response.headers.get("sb-error-code"), code];
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !stat.includes(") Z ");
}

Deno.test("calls of Edge Functions", (t) =>
  withHost(async ({ call, tokens, publishable, host, logs }) => {
    const token = await tokens.sign({ sub: "u1", role: "authenticated" }, 60);

    await t.step(
      "a function sees its path, the method, the body, and no header of the connection",
      async () => {
        const headers = { authorization: `Bearer ${token}`, "sb-api-key": "forged", "x-own": "1" };
        const response = await call("hello/deep/er?a=1", { method: "POST", body: "text", headers });
        const seen = await response.json();
        assert.deepEqual([seen.method, seen.path, seen.body], ["POST", "/hello/deep/er?a=1", "text"]);
        assert.equal(seen.headers["x-own"], "1");
        assert.equal(seen.headers["sb-api-key"], undefined);
        assert.match(seen.headers.host, /^127\.0\.0\.1:\d+$/);
        assert.equal(seen.headers["x-forwarded-host"], "127.0.0.1:54321");
      },
    );

    await t.step("verify_jwt refuses what is not a valid token, in the hosted codes", async () => {
      const refusal = async (headers: Record<string, string>) =>
        await refusalOf(await call("hello", { headers }));
      const refused = (code: string) => [401, code, code];
      assert.deepEqual(await refusal({}), refused("UNAUTHORIZED_NO_AUTH_HEADER"));
      assert.deepEqual(
        await refusal({ authorization: "Bearer x" }),
        refused("UNAUTHORIZED_INVALID_JWT_FORMAT"),
      );
      assert.deepEqual(await refusal({ apikey: "sb_secret_x" }), refused("UNAUTHORIZED_INVALID_JWT_FORMAT"));
      const tampered = `${token.slice(0, -4)}AAAA`;
      assert.deepEqual(
        await refusal({ authorization: `Bearer ${tampered}` }),
        refused("UNAUTHORIZED_ASYMMETRIC_JWT"),
      );
      const expired = await tokens.sign({ role: "authenticated" }, -60);
      assert.deepEqual(
        await refusal({ authorization: `Bearer ${expired}` }),
        refused("UNAUTHORIZED_ASYMMETRIC_JWT"),
      );
      const inner = await tokens.toInner({ role: "authenticated" });
      assert.deepEqual(
        await refusal({ authorization: `Bearer ${inner}` }),
        refused("UNAUTHORIZED_UNSUPPORTED_TOKEN_ALGORITHM"),
      );
      for (const [name, value] of [["apikey", publishable], ["authorization", `Bearer ${publishable}`]]) {
        const response = await call("hello", { headers: { [`${name}`]: `${value}` } });
        assert.equal(response.status, 200);
        await response.body?.cancel();
      }
    });

    await t.step("a preflight passes to the function without a token", async () => {
      const response = await call("served", { method: "OPTIONS" });
      assert.deepEqual([response.status, response.headers.get("x-own-cors")], [204, "yes"]);
    });

    await t.step("a function by Deno.serve resolves the project's packages and its shared code", async () => {
      const response = await call("served", { method: "POST", body: '{"name":"Ann"}' });
      assert.equal((await response.json()).text, "first, Ann");
      assert.equal((await call("served", { method: "POST", body: "{}" })).status, 422);
    });

    await t.step("unknown, disabled and shared folders are no functions", async () => {
      for (const path of ["missing", "off", "_shared", "", "..%2Fhello"]) {
        assert.deepEqual(await refusalOf(await call(path)), [404, "NOT_FOUND", "NOT_FOUND"]);
      }
    });

    await t.step(
      "a function that cannot start answers 503 each time and its reason is in the log",
      async () => {
        assert.deepEqual(await refusalOf(await call("broken")), [503, "BOOT_ERROR", "BOOT_ERROR"]);
        assert.deepEqual(await refusalOf(await call("broken")), [503, "BOOT_ERROR", "BOOT_ERROR"]);
        assert.ok(logs.some((line) => line.includes("this function cannot start")));
      },
    );

    await t.step("an uncaught error answers 500 without its text, and the worker lives on", async () => {
      const [pid] = host.pids("greedy");
      const response = await call("greedy/throw");
      const text = await response.clone().text();
      assert.deepEqual(await refusalOf(response), [500, "WORKER_ERROR", "WORKER_ERROR"]);
      assert.ok(!text.includes("secret"));
      assert.ok(logs.some((line) => line.includes("a secret of the function")));
      if (pid !== undefined) assert.deepEqual(host.pids("greedy"), [pid]);
    });

    await t.step("a process that ends answers 500, and the next request finds a new one", async () => {
      assert.deepEqual(await refusalOf(await call("greedy/exit")), [500, "WORKER_ERROR", "WORKER_ERROR"]);
      assert.equal((await call("greedy/none")).status, 200);
    });

    await t.step("after kill -9 the next request is served by a new process", async () => {
      for (let round = 0; round < 5; round++) {
        const before = await (await call("greedy/none")).text();
        Deno.kill(Number(before), "SIGKILL");
        await eventually("its death is noticed", () => host.pids("greedy").length === 0 || null, 1_000);
        const response = await call("greedy/none");
        assert.equal(response.status, 200);
        assert.notEqual(await response.text(), before);
      }
    });

    await t.step("a failing background task does not end the process", async () => {
      const pid = await (await call("greedy/reject")).text();
      await eventually("the failure is logged", () =>
        logs.some((line) => line.includes("in the background")) || null);
      assert.equal(await (await call("greedy/none")).text(), pid);
    });

    await t.step("a streamed response arrives whole", async () => {
      assert.equal(await (await call("greedy/stream")).text(), "0\n1\n2\n3\n4\n");
    });

    await t.step("a body over the limit is refused before the function", async () => {
      const body = new Uint8Array(10 * 1024 * 1024 + 1);
      assert.equal((await call("served", { method: "POST", body })).status, 413);
    });

    await t.step("functions can be started ahead of their first request", async () => {
      await host.prewarm(["open", "missing"]);
      assert.equal(host.pids("open").length, 1);
    });

    await t.step("many requests at once start one process", async () => {
      for (const pid of host.pids("hello")) {
        Deno.kill(pid, "SIGKILL");
      }
      await eventually("the old process is gone", () =>
        host.pids("hello").length === 0 || null);
      const headers = { apikey: publishable };
      const responses = await Promise.all(Array.from({ length: 20 }, () => call("hello", { headers })));
      for (const response of responses) assert.equal((await response.json()).path, "/hello");
      assert.equal(host.pids("hello").length, 1);
    });
  }));

Deno.test("a function finds the hosted variables, the project's secrets and nothing of the host's", async () => {
  Deno.env.set("HOST_ONLY_SECRET", "must not be seen");
  const env = { EXCHANGE: "paper", SUPABASE_EVIL: "x" };
  try {
    await withHost(async ({ call, tokens, publishable }) => {
      const seen = await (await call("open")).json() as { env: Record<string, string>; permissions: unknown };
      const network = /proxy|^SSL_CERT|^DENO_CERT|^DENO_TLS|^NODE_EXTRA/i;
      assert.deepEqual(Object.keys(seen.env).filter((name) => !network.test(name)).sort(), [
        "EXCHANGE",
        "GREETING",
        "SB_EXECUTION_ID",
        "SB_REGION",
        "SUPABASE_DB_URL",
        "SUPABASE_FUNCTION_SLUG",
        "SUPABASE_JWKS",
        "SUPABASE_PUBLISHABLE_KEYS",
        "SUPABASE_SECRET_KEYS",
        "SUPABASE_URL",
      ]);
      assert.equal(seen.env.SUPABASE_URL, "http://127.0.0.1:54321");
      assert.equal(seen.env.SUPABASE_FUNCTION_SLUG, "open");
      assert.deepEqual(JSON.parse(seen.env.SUPABASE_PUBLISHABLE_KEYS ?? ""), { default: publishable });
      assert.deepEqual(Object.keys(JSON.parse(seen.env.SUPABASE_SECRET_KEYS ?? "")), [
        "default",
        "automations",
      ]);
      assert.deepEqual(JSON.parse(seen.env.SUPABASE_JWKS ?? ""), tokens.jwks);
      assert.deepEqual(seen.permissions, {
        net: "granted",
        env: "granted",
        read: "granted",
        write: "granted",
        run: "denied",
        ffi: "denied",
      });
    }, { env });
  } finally {
    Deno.env.delete("HOST_ONLY_SECRET");
  }
});

Deno.test("the hosted budget of a function", (t) =>
  withHost(async ({ call, logs }) => {
    await t.step(
      "an endless loop is stopped with 546, and the next request finds a new process",
      async () => {
        assert.deepEqual(await refusalOf(await call("greedy/burn")), [546, "WORKER_LIMIT", "WORKER_LIMIT"]);
        assert.ok(logs.some((line) => line.includes("CPU time")));
        assert.equal((await call("greedy/none")).status, 200);
      },
    );

    await t.step("many small requests at once stay below the budget of each", async () => {
      const pids = await Promise.all(
        Array.from({ length: 40 }, async () => await (await call("greedy/work")).text()),
      );
      assert.equal(new Set(pids).size, 1);
    });

    await t.step("too much memory is stopped with 546", async () => {
      assert.deepEqual(await refusalOf(await call("greedy/hoard")), [546, "WORKER_LIMIT", "WORKER_LIMIT"]);
      assert.ok(logs.some((line) => line.includes("memory")));
    });

    await t.step("a request without a response is answered with 504", async () => {
      assert.deepEqual(await refusalOf(await call("greedy/silence")), [504, "IDLE_TIMEOUT", "IDLE_TIMEOUT"]);
    });
  }, { limits: { cpuPerRequestMs: 500, idleMs: 3_000, sampleMs: 20 } }));

Deno.test("a worker is replaced at half its life and killed at its end, its requests with 546", () =>
  withHost(async ({ call, host }) => {
    const first = await (await call("greedy/none")).text();
    const stuck = call("greedy/silence");
    await eventually("a second process takes over", async () => {
      return await (await call("greedy/none")).text() !== first || null;
    });
    assert.deepEqual(await refusalOf(await stuck), [546, "WORKER_LIMIT", "WORKER_LIMIT"]);
    await eventually("the first process is gone", () => !host.pids("greedy").includes(Number(first)) || null);
  }, { limits: { wallClockMs: 3_000 } }));

Deno.test("changed code is served without a restart", (t) =>
  withHost(async ({ call, dir, host, logs }) => {
    const greet = async () =>
      (await (await call("served", { method: "POST", body: '{"name":"Ann"}' })).json()) as {
        text: string;
        pid: number;
      };

    await t.step("a change of shared code reaches the function that imports it", async () => {
      assert.equal((await greet()).text, "first, Ann");
      await Deno.writeTextFile(`${dir}/functions/_shared/greeting.ts`, 'export const greeting = "second";');
      await eventually("the new greeting", async () => (await greet()).text === "second, Ann" || null);
    });

    await t.step("a change of one function leaves the processes of others alone", async () => {
      const { pid } = await greet();
      const open = await (await call("open")).json();
      assert.ok(open.env);
      const openPids = host.pids("open");
      await Deno.writeTextFile(
        `${dir}/functions/open/index.ts`,
        'export default { fetch: () => new Response("changed") };',
      );
      await eventually("the new code", async () => await (await call("open")).text() === "changed" || null);
      assert.notDeepEqual(host.pids("open"), openPids);
      assert.equal((await greet()).pid, pid);
    });

    await t.step("a request and background work under way are finished by the old process", async () => {
      const answer = `${dir}/answer`;
      const old = Number(await (await call("greedy/background", { method: "POST", body: answer })).text());
      const stream = await call("greedy/stream");
      await Deno.writeTextFile(`${dir}/functions/greedy/extra.ts`, "export {};");
      await eventually("a new process", async () =>
        await (await call("greedy/none")).text() !== String(old) || null);
      assert.equal(await stream.text(), "0\n1\n2\n3\n4\n");
      assert.ok(host.pids("greedy").includes(old));
      await Deno.writeTextFile(`${answer}.ask`, "");
      await eventually("the background work", () =>
        Deno.readTextFile(answer).catch(() => null));
      await eventually("the old process ends", () => !host.pids("greedy").includes(old) || null);
    });

    await t.step("a new function and changed settings are noticed", async () => {
      await Deno.mkdir(`${dir}/functions/newborn`);
      await Deno.writeTextFile(
        `${dir}/functions/newborn/index.ts`,
        'Deno.serve(() => new Response("here"));',
      );
      await eventually(
        "the gate of the new function",
        async () => (await call("newborn")).status === 401 || null,
      );
      await Deno.writeTextFile(`${dir}/config.toml`, "[functions.newborn]\nverify_jwt = false\n");
      await eventually("the open gate", async () => (await call("newborn")).status === 200 || null);
    });

    await t.step("settings that cannot be read are reported and the old ones stay", async () => {
      await Deno.writeTextFile(`${dir}/config.toml`, "[functions.newborn\n");
      await eventually("the complaint", () => logs.some((line) => line.includes("not valid TOML")) || null);
      assert.equal((await call("newborn")).status, 200);
    });
  }));

Deno.test("no function's process outlives its host", async () => {
  let pids: readonly number[] = [];
  await withHost(async ({ call, host }) => {
    await call("greedy/none");
    pids = host.pids("greedy");
    assert.equal(pids.length, 1);
  });
  for (const pid of pids) assert.equal(await isAlive(pid), false);
});

Deno.test("a killed host takes its functions' processes with it", async () => {
  const program = `
    import { startFunctionsHost } from ${
    JSON.stringify(new URL("./functions_host.ts", import.meta.url).href)
  };
    import { loadKeys } from ${JSON.stringify(new URL("./keys.ts", import.meta.url).href)};
    const dir = Deno.args[0];
    const keys = await loadKeys(dir);
    const host = await startFunctionsHost({ functionsDir: ${JSON.stringify(`${FIXTURES}functions`)}, keys,
      url: "http://127.0.0.1:1", postgres: { url: "" }, tokens: { jwks: { keys: [] } } });
    await host.prewarm(["greedy"]);
    console.log(host.pids("greedy")[0]);
    setInterval(() => {}, 1000);`;
  await withDataDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/host.ts`, program);
    const denoConfig = new URL("../deno.json", import.meta.url).pathname;
    const host = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--cached-only", "--config", denoConfig, `${dir}/host.ts`, dir],
      stdout: "piped",
    }).spawn();
    const reader = host.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
      .getReader();
    const pid = Number((await reader.read()).value);
    assert.ok(await isAlive(pid));
    host.kill("SIGKILL");
    await host.status;
    await reader.cancel();
    await eventually("the function's process ends", async () => !await isAlive(pid) || null);
  });
});
