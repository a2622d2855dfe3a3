import assert from "node:assert/strict";
import { refusalOf, withHost } from "./functions_testing.ts";
import { eventually } from "./testing.ts";

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
        assert.ok(
          logs.some((line) => line.includes("functions/broken/index.ts:1:7")),
          "the place in the source",
        );
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
