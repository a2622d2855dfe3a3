import assert from "node:assert/strict";
import { request, type TestProject, withProject } from "./gateway_testing.ts";
import { eventually } from "./testing.ts";

const SCHEMA = `
  create schema trading;
  grant usage on schema trading to service_role;
  create function public.echo(p_value jsonb, p_note text default 'none') returns jsonb language sql immutable
    as $$ select jsonb_build_object('type', jsonb_typeof(p_value), 'value', p_value, 'note', p_note) $$;
  create function public.whole(jsonb) returns text language sql immutable as $$ select jsonb_typeof($1) $$;
  create function public.shout(text) returns text language sql immutable as $$ select upper($1) $$;
  create function public.caller() returns jsonb language sql stable as $$
    select jsonb_build_object('user', current_user, 'claims', auth.jwt(), 'uid', auth.uid(),
      'method', current_setting('request.method', true), 'path', current_setting('request.path', true),
      'agent', current_setting('request.headers', true)::jsonb ->> 'x-agent',
      'timeout', current_setting('statement_timeout'), 'search_path', current_setting('search_path'))
  $$;
  create type public.pair as (price numeric, at timestamptz);
  create function public.exact() returns numeric language sql immutable
    as $$ select 12345678901234567890.123456789 $$;
  create function public.one_pair() returns public.pair language sql immutable
    as $$ select (1.10, '2026-01-01 00:00:00.123456+00')::public.pair $$;
  create function public.no_pair() returns public.pair language sql immutable as $$ select null::public.pair $$;
  create function public.pairs(p_count int) returns setof public.pair language sql immutable
    as $$ select i + 0.10, '2026-01-01'::timestamptz from generate_series(1, p_count) i $$;
  create function public.numbers(p_count int) returns setof int language sql immutable
    as $$ select generate_series(1, p_count) $$;
  create function public.one_column() returns table (x int) language sql immutable as $$ select 7 $$;
  create function public.out_args(out a int, out b text) language sql immutable as $$ select 1, 'x' $$;
  create function public.nothing() returns void language sql as $$ $$;
  create function public.total(variadic p_numbers int[]) returns bigint language sql immutable
    as $$ select sum(n) from unnest(p_numbers) n $$;
  create function public.overloaded(p_a boolean) returns text language sql immutable as $$ select 'a' $$;
  create function public.overloaded(p_b text) returns text language sql immutable as $$ select 'b' $$;
  create function public.overloaded(p_b int) returns text language sql immutable as $$ select 'c' $$;
  create table public.notes (id int primary key, body text check (body <> ''));
  create function public.write_note(p_id int, p_body text) returns setof public.notes language sql
    security definer set search_path = '' as
    $$ insert into public.notes values (p_id, p_body), (p_id + 1, p_body) returning * $$;
  create function public.fail(p_code text) returns void language plpgsql as $$
    begin raise exception 'the risk rule refused' using errcode = p_code, detail = '{"rule":"x"}', hint = 'wait'; end $$;
  create function public.answer_itself() returns jsonb language plpgsql as $$
    begin
      perform set_config('response.status', '418', true);
      perform set_config('response.headers', '[{"x-kettle": "on"}]', true);
      return '{"tea": true}';
    end $$;
  create function public.slow(p_seconds float) returns void language sql as $$ select pg_sleep(p_seconds) $$;
  grant execute on all functions in schema public to anon, authenticated, service_role;
  create function trading.engine_only() returns text language sql stable as $$ select current_user::text $$;
  revoke all on function trading.engine_only() from public;
  grant execute on function trading.engine_only() to service_role;
`;

interface ApiBody {
  readonly code?: string;
  readonly message?: string;
  readonly details?: string | null;
  readonly hint?: string | null;
}

Deno.test("functions of the data API", (t) =>
  withProject(async (project) => {
    await project.sql.unsafe(SCHEMA).simple();
    const { gateway, sql, admin } = project;
    const call = (name: string, args: unknown, init: Parameters<typeof request>[2] = {}) =>
      request(gateway, `/rest/v1/rpc/${name}`, { method: "POST", body: JSON.stringify(args), ...init });
    const secret = { apiKey: gateway.keys.secrets.default };
    await eventually("the new functions are known", async () =>
      (await call("nothing", {})).status === 204 || null);

    await t.step("a jsonb argument arrives as JSON, not as a string that holds JSON", async () => {
      assert.deepEqual((await call("echo", { p_value: { a: [1, "it's \\ fine"] } })).json, {
        type: "object",
        value: { a: [1, "it's \\ fine"] },
        note: "none",
      });
      assert.deepEqual((await call("echo", { p_value: "text", p_note: "n" })).json, {
        type: "string",
        value: "text",
        note: "n",
      });
    });

    await t.step(
      "a single unnamed json argument takes the whole body, an unnamed text argument plain text",
      async () => {
        assert.equal((await call("whole", [1, 2])).json, "array");
        const text = { headers: { "content-type": "text/plain" }, body: "it's {" };
        assert.equal((await call("shout", null, text)).json, "IT'S {");
      },
    );

    await t.step("numbers and times come with the digits PostgreSQL has", async () => {
      assert.equal((await call("exact", {})).text, "12345678901234567890.123456789");
      assert.equal(
        (await call("one_pair", {})).text,
        '{"price":1.10,"at":"2026-01-01T00:00:00.123456+00:00"}',
      );
    });

    await t.step("rows, values and single columns have PostgREST's shapes", async () => {
      assert.deepEqual((await call("pairs", { p_count: 2 })).json, [
        { price: 1.1, at: "2026-01-01T00:00:00+00:00" },
        { price: 2.1, at: "2026-01-01T00:00:00+00:00" },
      ]);
      assert.deepEqual((await call("pairs", { p_count: 0 })).json, []);
      assert.deepEqual((await call("numbers", { p_count: 3 })).json, [1, 2, 3]);
      assert.deepEqual((await call("one_column", {})).json, [{ x: 7 }]);
      assert.deepEqual((await call("out_args", {})).json, { a: 1, b: "x" });
      assert.deepEqual((await call("no_pair", {})).json, { price: null, at: null });
      assert.equal((await call("total", { p_numbers: [1, 2, 3] })).json, 6);
      const empty = await call("nothing", {});
      assert.deepEqual([empty.status, empty.text], [204, ""]);
    });

    await t.step(
      "a set wanted as one object is one object, and any other number of rows changes nothing",
      async () => {
        const single = { headers: { accept: "application/vnd.pgrst.object+json" } };
        assert.deepEqual((await call("numbers", { p_count: 1 }, single)).json, 1);
        const refused = await call("write_note", { p_id: 1, p_body: "x" }, single);
        assert.equal(refused.status, 406);
        assert.equal((refused.json as ApiBody).code, "PGRST116");
        assert.equal((refused.json as ApiBody).details, "The result contains 2 rows");
        assert.equal((await sql`select from public.notes`).length, 0);
      },
    );

    await t.step(
      "the function runs as the caller, with the caller's claims and the request at hand",
      async () => {
        const token = await gateway.tokens.sign({ sub: crypto.randomUUID(), role: "authenticated" }, 60);
        const asUser = await call("caller", {}, { token, headers: { "x-agent": "it's me" } });
        const seen = asUser.json as Record<string, unknown>;
        assert.equal(seen.user, "authenticated");
        assert.equal(seen.uid, (seen.claims as { sub: string }).sub);
        assert.deepEqual([seen.method, seen.path, seen.agent], ["POST", "/rpc/caller", "it's me"]);
        assert.equal(((await call("caller", {})).json as { user: string }).user, "anon");
        assert.equal(((await call("caller", {}, secret)).json as { user: string }).user, "service_role");
      },
    );

    await t.step("each role has its own limit on a statement's time", async () => {
      const token = await gateway.tokens.sign({ sub: crypto.randomUUID(), role: "authenticated" }, 60);
      const limit = async (init: Parameters<typeof request>[2]) =>
        ((await call("caller", {}, init)).json as { timeout: string }).timeout;
      assert.deepEqual([await limit({}), await limit({ token }), await limit(secret)], ["3s", "8s", "8s"]);
      await sql`alter role anon set statement_timeout = '100ms'`;
      await sql`notify pgrst, 'reload schema'`;
      await eventually("the new limit holds", async () =>
        await limit({}) === "100ms" || null);
      const late = await call("slow", { p_seconds: 5 });
      assert.equal(late.status, 500);
      assert.equal((late.json as ApiBody).code, "57014");
    });

    await t.step("nothing of a request remains on the connection", async () => {
      await Promise.all(Array.from({ length: 20 }, () => call("caller", {}, secret)));
      const seen = (await call("caller", {})).json as { user: string; claims: unknown };
      assert.deepEqual([seen.user, seen.claims], ["anon", { role: "anon" }]);
    });

    await t.step("errors keep code, message, details and hint, with PostgREST's status", async () => {
      const expected = { message: "the risk rule refused", details: '{"rule":"x"}', hint: "wait" };
      for (
        const [code, status] of [["P0001", 400], ["FB001", 400], ["23505", 409], ["40001", 500], [
          "PT402",
          402,
        ]]
      ) {
        const failed = await call("fail", { p_code: code });
        assert.deepEqual([failed.status, failed.json], [status, { code, ...expected }]);
      }
      const checked = await call("write_note", { p_id: 5, p_body: "" });
      assert.deepEqual([checked.status, (checked.json as ApiBody).code], [400, "23514"]);
    });

    await t.step("a failed call leaves the connection fit for the next", async () => {
      for (let round = 0; round < 30; round++) await call("fail", { p_code: "P0001" });
      assert.equal((await call("numbers", { p_count: 1 })).status, 200);
    });

    await t.step("GET passes arguments as text and cannot write", async () => {
      const get = (path: string) => request(gateway, `/rest/v1/rpc/${path}`);
      assert.deepEqual((await get("numbers?p_count=2")).json, [1, 2]);
      assert.equal(((await get('echo?p_value={"a":1}')).json as { type: string }).type, "object");
      const refused = await get("write_note?p_id=9&p_body=x");
      assert.deepEqual([refused.status, (refused.json as ApiBody).code], [405, "25006"]);
      assert.equal((await request(gateway, "/rest/v1/rpc/nothing", { method: "PUT" })).status, 405);
    });

    await t.step("a function may choose its own status and headers", async () => {
      const answer = await call("answer_itself", {});
      assert.deepEqual([answer.status, answer.headers.get("x-kettle"), answer.json], [418, "on", {
        tea: true,
      }]);
    });

    await t.step("an unknown function, wrong arguments and ambiguous overloads are told apart", async () => {
      const unknown = await call("missing", { p_a: 1 });
      assert.equal(unknown.status, 404);
      assert.equal((unknown.json as ApiBody).code, "PGRST202");
      assert.match((unknown.json as ApiBody).message ?? "", /public\.missing\(p_a\)/);
      const wrong = await call("numbers", { p_cuont: 1 });
      assert.deepEqual([wrong.status, (wrong.json as ApiBody).code], [404, "PGRST202"]);
      assert.match((wrong.json as ApiBody).hint ?? "", /numbers\(p_count => integer\)/);
      assert.equal((await call("overloaded", { p_a: true })).json, "a");
      assert.equal((await call("overloaded", { p_b: 1 })).status, 300);
      const badType = await call("numbers", { p_count: "many" });
      assert.deepEqual([badType.status, (badType.json as ApiBody).code], [400, "22P02"]);
    });

    await t.step("a body that is not JSON is refused with 400", async () => {
      const broken = await call("echo", null, { body: "{" });
      assert.deepEqual([broken.status, (broken.json as ApiBody).code], [400, "PGRST102"]);
    });

    await t.step("another schema is reached by its profile, within the rights of the caller", async () => {
      const profile = { headers: { "content-profile": "trading" } };
      assert.equal((await call("engine_only", {}, { ...profile, ...secret })).json, "service_role");
      const refused = await call("engine_only", {}, profile);
      assert.deepEqual([refused.status, (refused.json as ApiBody).code], [401, "42501"]);
      const hidden = await call("x", {}, { headers: { "content-profile": "auth" }, ...secret });
      assert.deepEqual([hidden.status, (hidden.json as ApiBody).code], [406, "PGRST106"]);
    });

    await t.step("a new function is callable at once, a changed one after its notice", async () => {
      await sql`create function public.fresh() returns int language sql as 'select 1'`;
      await eventually(
        "the new function answers",
        async () => (await call("fresh", {})).status === 200 || null,
      );
      await sql`drop function public.fresh()`;
      await sql`create function public.fresh(p_x int) returns int language sql as 'select p_x'`;
      await eventually(
        "the new form answers",
        async () => (await call("fresh", { p_x: 3 })).json === 3 || null,
      );
    });

    await t.step("a notice missed while the listening connection was down is made up for", async () => {
      await admin.begin(async (tx) => {
        await tx`alter role anon set statement_timeout = '7s'`;
        await tx`notify pgrst, 'reload schema'`;
        await tx`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%pgrst%'`;
      });
      await eventually("the new limit holds", async () => {
        return ((await call("caller", {})).json as { timeout?: string }).timeout === "7s" || null;
      });
    });

    await t.step(
      "after the database was killed, calls are refused as unavailable and then work again",
      async () => {
        const startedAt = await serverStart(project);
        await killServer(project);
        const statuses = new Set<number>();
        await eventually("calls work on the new server", async () => {
          const { status } = await call("numbers", { p_count: 1 });
          statuses.add(status);
          return status === 200 && ![null, startedAt].includes(await serverStart(project)) || null;
        });
        statuses.delete(200);
        for (const status of statuses) assert.equal(status, 503);
        await sql`create function public.after_restart() returns int language sql as 'select 1'`;
        await eventually("notices are heard again", async () =>
          (await call("after_restart", {})).status === 200 || null);
      },
    );
  }));

async function killServer({ dataDir }: TestProject): Promise<void> {
  const pidFile = await Deno.readTextFile(`${dataDir}/cluster/postmaster.pid`);
  Deno.kill(Number(pidFile.split("\n", 1)[0]), "SIGKILL");
}

/** When the server was started, or null while it does not answer. */
async function serverStart({ admin }: TestProject): Promise<number | null> {
  const rows = await admin<{ at: Date }[]>`select pg_postmaster_start_time() as at`.catch(() => []);
  return rows[0]?.at.getTime() ?? null;
}
