import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { startGateway } from "./gateway.ts";
import { clientOf, request, withProject } from "./gateway_testing.ts";
import { eventually, withDataDir } from "./testing.ts";
import { seedUser } from "./users.ts";

const SCHEMA = `
  create table public.todos (
    id int generated always as identity primary key,
    owner uuid not null default auth.uid(),
    title text not null
  );
  alter table public.todos enable row level security;
  create policy todos_all_owner on public.todos for all to authenticated
    using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
  revoke all on public.todos from anon, authenticated, service_role;
  grant select, insert on public.todos to authenticated;
  create function public.whoami() returns jsonb language sql stable
    as $$ select jsonb_build_object('uid', auth.uid(), 'plan', auth.jwt() -> 'app_metadata' ->> 'plan') $$;
  grant execute on function public.whoami() to authenticated, service_role;
  revoke execute on function public.whoami() from public;
`;

const FUNCTIONS = new URL("./fixtures/functions", import.meta.url).pathname;

Deno.test("an Edge Function behind the shared port works for the user who calls it", () =>
  withProject(async ({ gateway, sql }) => {
    await sql.unsafe(SCHEMA).simple();
    const id = await seedUser(sql, { email: "ann@example.com", password: "a long enough password" });
    const ann = clientOf(gateway);
    await ann.auth.signInWithPassword({ email: "ann@example.com", password: "a long enough password" });
    const { data, error } = await ann.functions.invoke("onward", { body: {} });
    assert.equal(error, null);
    assert.deepEqual(data, { asUser: id, asService: null, onDatabase: "postgres" });
    const refused = await request(gateway, "/functions/v1/onward", { apiKey: null, method: "POST" });
    assert.equal(refused.status, 401);
  }, { functionsDir: FUNCTIONS }));

Deno.test("users, tokens and the shared port", (t) =>
  withProject(async ({ gateway, sql, pg }) => {
    await sql.unsafe(SCHEMA).simple();
    const ann = clientOf(gateway);
    const bob = clientOf(gateway);
    const password = "a long enough password";

    await t.step(
      "a user signs up and gets a token that anyone can verify by the published keys",
      async () => {
        const { data, error } = await ann.auth.signUp({
          email: "ann@example.com",
          password,
          options: { data: { name: "Ann" } },
        });
        assert.equal(error, null);
        const token = data.session?.access_token ?? "";
        const keySet = createRemoteJWKSet(new URL(`${gateway.url}/auth/v1/.well-known/jwks.json`));
        const { payload } = await jwtVerify(token, keySet, {
          issuer: `${gateway.url}/auth/v1`,
          audience: "authenticated",
        });
        assert.equal(payload.sub, data.user?.id);
        assert.equal(payload.role, "authenticated");
        assert.deepEqual((payload.user_metadata as { name: string }).name, "Ann");
        assert.equal((payload.app_metadata as { provider: string }).provider, "email");
        assert.ok(payload.session_id);
        assert.ok(decodeProtectedHeader(token).kid);
        assert.equal((await ann.auth.getClaims()).data?.claims.sub, payload.sub);
      },
    );

    await t.step("signing up twice and a wrong password are refused", async () => {
      assert.notEqual((await bob.auth.signUp({ email: "ann@example.com", password })).error, null);
      const wrong = await bob.auth.signInWithPassword({
        email: "ann@example.com",
        password: "not the password",
      });
      assert.equal(wrong.error?.code, "invalid_credentials");
    });

    await t.step("a seeded user signs in and carries its app metadata", async () => {
      const user = { email: "Bob@example.com", password, appMetadata: { plan: "pro" } };
      const id = await seedUser(sql, user);
      assert.equal(await seedUser(sql, user), id);
      const { data, error } = await bob.auth.signInWithPassword({ email: "bob@example.com", password });
      assert.equal(error, null);
      assert.equal(data.user?.id, id);
      assert.deepEqual((await bob.rpc("whoami").throwOnError()).data, { uid: id, plan: "pro" });
    });

    await t.step("two users see only their own rows", async () => {
      await eventually(
        "the table is known",
        async () => (await ann.from("todos").select()).error === null || null,
      );
      await ann.from("todos").insert({ title: "of ann" }).throwOnError();
      await bob.from("todos").insert({ title: "of bob" }).throwOnError();
      const rows = async (client: typeof ann) =>
        (await client.from("todos").select("title").throwOnError()).data;
      assert.deepEqual([await rows(ann), await rows(bob)], [[{ title: "of ann" }], [{ title: "of bob" }]]);
      assert.notEqual((await clientOf(gateway).rpc("whoami")).error, null);
    });

    await t.step("a session is refreshed once per refresh token, with a new verifiable token", async () => {
      const before = (await ann.auth.getSession()).data.session;
      const { data, error } = await ann.auth.refreshSession();
      assert.equal(error, null);
      assert.notEqual(data.session?.refresh_token, before?.refresh_token);
      const claims = decodeJwt(data.session?.access_token ?? "");
      assert.equal(claims.sub, data.user?.id);
      assert.deepEqual((await ann.rpc("whoami").throwOnError()).data.uid, claims.sub);
    });

    await t.step("a user changes its data, asks who it is and signs out", async () => {
      const changed = await bob.auth.updateUser({ data: { name: "Bob" } });
      assert.equal(changed.data.user?.user_metadata.name, "Bob");
      assert.equal((await bob.auth.getUser()).data.user?.email, "bob@example.com");
      assert.equal((await bob.auth.signOut()).error, null);
    });

    await t.step("Auth refuses a forged token, a missing key and a body that is not JSON", async () => {
      const user = await request(gateway, "/auth/v1/user", { token: "a.b.c" });
      assert.deepEqual([user.status, (user.json as { error_code: string }).error_code], [403, "bad_jwt"]);
      assert.equal((await request(gateway, "/auth/v1/user", { apiKey: null })).status, 401);
      const broken = await request(gateway, "/auth/v1/signup", { method: "POST", body: "{" });
      assert.deepEqual([broken.status, (broken.json as { error_code: string }).error_code], [
        400,
        "bad_json",
      ]);
    });

    await t.step("an answer of Auth holds no inner token", async () => {
      const body = JSON.stringify({ email: "ann@example.com", password });
      const { text } = await request(gateway, "/auth/v1/token?grant_type=password", { method: "POST", body });
      for (const token of text.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? []) {
        assert.equal(decodeProtectedHeader(token).alg, "ES256");
      }
    });

    await t.step("a browser of any origin may ask", async () => {
      const preflight = await request(gateway, "/rest/v1/todos", {
        method: "OPTIONS",
        apiKey: null,
        headers: { "access-control-request-method": "POST", "access-control-request-headers": "apikey,x-a" },
      });
      assert.equal(preflight.status, 204);
      assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
      assert.equal(preflight.headers.get("access-control-allow-headers"), "apikey,x-a");
      assert.equal(
        (await request(gateway, "/rest/v1/todos")).headers.get("access-control-allow-origin"),
        "*",
      );
    });

    await t.step("a body over the limit is refused, announced or not", async () => {
      const big = "x".repeat(10 * 1024 * 1024 + 1);
      const announced = await request(gateway, "/rest/v1/todos", { method: "POST", body: big });
      assert.deepEqual([announced.status, (announced.json as { code: string }).code], [
        413,
        "REQUEST_BODY_TOO_LARGE",
      ]);
      const body = new Blob([big]).stream();
      const streamed = await request(gateway, "/rest/v1/rpc/whoami", { method: "POST", body });
      assert.equal(streamed.status, 413);
    });

    await t.step("health, unknown routes and parts that are absent", async () => {
      assert.equal((await request(gateway, "/health", { apiKey: null })).status, 200);
      for (
        const path of [
          "/",
          "/storage/v1/bucket",
          "/functions/v1/x",
          "/realtime/v1/websocket",
          "/_system/info",
        ]
      ) {
        assert.equal((await request(gateway, path)).status, 404);
      }
    });

    await t.step("a port that is taken is told in plain words", () =>
      withDataDir(async (keysDir) => {
        const second = startGateway({ port: gateway.port, postgres: pg, dataDir: keysDir, log: () => {} });
        await assert.rejects(second, new RegExp(`Port ${gateway.port} .* is taken by another program`));
      }));

    await t.step("sessions and keys survive a restart of the gateway", async () => {
      const token = (await ann.auth.getSession()).data.session?.access_token ?? "";
      await withDataDir(async (keysDir) => {
        await Deno.writeTextFile(`${keysDir}/keys.json`, JSON.stringify(gateway.keys));
        const again = await startGateway({ port: 0, postgres: pg, dataDir: keysDir, log: () => {} });
        try {
          const whoami = await request(again, "/rest/v1/rpc/whoami", { method: "POST", body: "{}", token });
          assert.equal((whoami.json as { uid: string }).uid, decodeJwt(token).sub);
          assert.equal((await request(again, "/auth/v1/user", { token })).status, 200);
        } finally {
          await again.stop();
        }
      });
    });

    await t.step("Realtime gets its requests and the shared checks", () =>
      withDataDir(async (keysDir) => {
        let isStopped = false;
        const other = await startGateway({
          port: 0,
          postgres: pg,
          dataDir: keysDir,
          log: () => {},
          realtime: ({ resolveKey, verifyToken }) =>
            Promise.resolve({
              handle: async (asked) => {
                const role = resolveKey(new URL(asked.url).searchParams.get("apikey") ?? "");
                return Response.json({ role, claims: await verifyToken("x") });
              },
              stop: () => Promise.resolve(void (isStopped = true)),
            }),
        });
        const path = `/realtime/v1/websocket?apikey=${other.keys.secrets.automations}`;
        assert.deepEqual((await request(other, path, { apiKey: null })).json, {
          role: "service_role",
          claims: null,
        });
        await other.stop();
        assert.equal(isStopped, true);
      }));
  }));
