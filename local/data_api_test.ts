import assert from "node:assert/strict";
import { clientOf, request, withProject } from "./gateway_testing.ts";
import { eventually } from "./testing.ts";

const SCHEMA = `
  create schema trading;
  create table trading.secrets (id int primary key, body text);
  alter table trading.secrets enable row level security;
  insert into trading.secrets values (1, 'hidden');
  create table public.todos (
    id bigint generated always as identity primary key,
    owner uuid not null default auth.uid(),
    title text not null constraint todos_title_filled check (title <> '')
  );
  alter table public.todos enable row level security;
  create policy todos_all_owner on public.todos for all to authenticated
    using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
  revoke all on public.todos from anon, authenticated, service_role;
  grant select, insert, update, delete on public.todos to authenticated, service_role;
  create table public.facts (
    id int primary key, amount numeric, big bigint, extra jsonb, raw bytea, at timestamptz, ratio float8,
    amounts numeric[]
  );
  revoke all on public.facts from anon, authenticated, service_role;
  grant select, insert, update, delete on public.facts to anon;
  insert into public.facts values
    (1, 1.10, 9007199254740993, '{"a": 1.10, "b": [12345678901234567890.5]}', '\\x01ff',
     '2026-01-01 00:00:00.123456+00', 0.1, '{1.10,2}'),
    (2, 'NaN', 5, 'null', null, 'infinity', 'NaN', null);
  create table public.guarded (id int primary key, state text);
  revoke all on public.guarded from anon, authenticated, service_role;
  grant select, insert, update, delete on public.guarded to anon;
  create function public.tg_guarded__refuse() returns trigger language plpgsql as $$
    begin raise exception 'not in this state' using errcode = 'FB001', detail = '{"state":"x"}', hint = 'wait'; end $$;
  create trigger guarded_refuse before update on public.guarded for each row
    execute function public.tg_guarded__refuse();
  insert into public.guarded values (1, 'a');
  create function public.slow_value() returns int language sql volatile as $$ select 1 from pg_sleep(5) $$;
  grant execute on function public.slow_value() to anon;
  create view public.slow_view as select public.slow_value() as value;
  grant select on public.slow_view to anon;
  create function public.filtered(p_extra jsonb) returns setof public.facts language sql stable
    as $$ select * from public.facts $$;
`;

const ACL = `
  select n.nspname || '.' || c.relname as name, c.relacl::text as acl from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  union all select n.nspname, n.nspacl::text from pg_namespace n
  union all select 'default ' || d.oid, d.defaclacl::text from pg_default_acl d
  order by 1`;

type Body = { code?: string; message?: string; details?: string | null; hint?: string | null };

Deno.test("tables of the data API", (t) =>
  withProject(async ({ gateway, sql, admin }) => {
    await sql.unsafe(SCHEMA).simple();
    const before = await admin.unsafe(ACL);
    const get = (path: string, init: Parameters<typeof request>[2] = {}) =>
      request(gateway, `/rest/v1/${path}`, init);
    await eventually(
      "the tables are known",
      async () => (await get("facts?select=id")).status === 200 || null,
    );
    const [{ id: userId }] = await sql<[{ id: string }]>`select gen_random_uuid() as id`;
    const token = await gateway.tokens.sign({ sub: userId, role: "authenticated" }, 60);
    const secret = { apiKey: gateway.keys.secrets.default };

    await t.step(
      "anon reads and truncates nothing that it was not granted, also after requests",
      async () => {
        const profile = { headers: { "accept-profile": "trading" } };
        const refused = await get("secrets", profile);
        assert.deepEqual([refused.status, (refused.json as Body).code], [401, "42501"]);
        assert.equal((await get("secrets", { ...profile, token })).status, 403);
        assert.equal((await get("secrets", { ...profile, ...secret })).status, 403);
        const truncate = admin.begin(async (tx) => {
          await tx`set local role anon`;
          await tx`truncate trading.secrets`;
        });
        await assert.rejects(truncate, { code: "42501" });
        assert.equal((await get("todos")).status, 401);
      },
    );

    await t.step("requests change no grant, no schema right and no default privilege", async () => {
      for (const init of [{}, { token }, secret]) await get("todos?select=id", init);
      assert.deepEqual([...await admin.unsafe(ACL)], [...before]);
    });

    await t.step(
      "without any row security in the database a request still takes the caller's role",
      async () => {
        const tables = await admin<{ name: string }[]>`
        select oid::regclass::text as name from pg_class where relrowsecurity and relkind in ('r', 'p')`;
        for (const { name } of tables) await admin.unsafe(`alter table ${name} disable row level security`);
        assert.equal((await get("todos")).status, 401);
        for (const { name } of tables) await admin.unsafe(`alter table ${name} enable row level security`);
      },
    );

    await t.step("numbers keep their digits, times have a T, bytes are hexadecimal", async () => {
      const columns = "amount,big,extra,raw,at,ratio,amounts";
      assert.equal(
        (await get(`facts?select=${columns}&id=eq.1`)).text,
        '[{"amount":1.10,"big":9007199254740993,"extra":{"a":1.10,"b":[12345678901234567890.5]},' +
          '"raw":"\\\\x01ff","at":"2026-01-01T00:00:00.123456+00:00","ratio":0.1,"amounts":[1.10,2]}]',
      );
      assert.equal(
        (await get("facts?select=amount,extra,at,ratio&id=eq.2")).text,
        '[{"amount":"NaN","extra":null,"at":"infinity","ratio":"NaN"}]',
      );
      assert.equal(
        (await get("facts?select=amount,big&id=eq.1", { headers: { accept: "text/csv" } })).text.split(
          "\n",
        )[1],
        "1.10,9007199254740993",
      );
    });

    await t.step("what is written as text comes back with the same digits", async () => {
      const row = { id: 3, amount: "0.000000000000000001", extra: { list: [1, "two", null] } };
      const headers = { prefer: "return=representation" };
      const written = await get("facts", { method: "POST", body: JSON.stringify(row), headers });
      assert.equal(written.status, 201);
      assert.match(written.text, /"amount":0.000000000000000001,/);
      assert.match(written.text, /"extra":\{"list":\[1,"two",null\]\}/);
    });

    await t.step("errors keep code, message, details and hint, with PostgREST's status", async () => {
      const state = { method: "PATCH", body: '{"state":"b"}' };
      const refused = await get("guarded?id=eq.1", state);
      const expected = {
        code: "FB001",
        message: "not in this state",
        details: '{"state":"x"}',
        hint: "wait",
      };
      assert.deepEqual([refused.status, refused.json], [400, expected]);
      const twice = await get("guarded", { method: "POST", body: '{"id":1}' });
      assert.deepEqual([twice.status, (twice.json as Body).code], [409, "23505"]);
      const checked = await get("todos", { method: "POST", body: '{"title":""}', token });
      assert.deepEqual([checked.status, (checked.json as Body).code], [400, "23514"]);
      const foreign = JSON.stringify({ title: "x", owner: crypto.randomUUID() });
      const denied = await get("todos", { method: "POST", body: foreign, token });
      assert.deepEqual([denied.status, (denied.json as Body).code], [403, "42501"]);
      assert.equal((await get("missing_table")).status, 404);
      assert.equal((await get("facts?select=missing_column")).status, 400);
    });

    await t.step("an unfiltered update or delete is refused, as with safeupdate", async () => {
      for (const method of ["PATCH", "DELETE"]) {
        const refused = await get("facts", {
          method,
          body: method === "PATCH" ? '{"amount":"1"}' : undefined,
        });
        assert.deepEqual([refused.status, (refused.json as Body).code], [400, "21000"]);
      }
      assert.equal((await sql`select from public.facts where amount is not null`).length, 3);
    });

    await t.step("a role's limit on time holds for tables too", async () => {
      await sql`alter role anon set statement_timeout = '150ms'`;
      await sql`notify pgrst, 'reload schema'`;
      await eventually("the slow view is cut off", async () => {
        const answer = await get("slow_view?select=value");
        return answer.status === 500 && (answer.json as Body).code === "57014" || null;
      });
      await sql`alter role anon set statement_timeout = '3s'`;
      await sql`notify pgrst, 'reload schema'`;
    });

    await t.step(
      "a json argument together with a filter is refused instead of being passed wrongly",
      async () => {
        const call = { method: "POST", body: '{"p_extra":{"a":1}}' };
        const refused = await get("rpc/filtered?id=eq.1", call);
        assert.deepEqual([refused.status, (refused.json as Body).code], [400, "PGRST127"]);
        assert.equal(((await get("rpc/filtered", call)).json as unknown[]).length, 3);
      },
    );

    await t.step(
      "each key acts as its role; none, an unknown one and a secret one in a browser are refused",
      async () => {
        assert.equal((await get("facts", { apiKey: null })).status, 401);
        assert.equal((await get("facts", { apiKey: "sb_publishable_unknown" })).status, 401);
        assert.equal((await get("todos", secret)).status, 200);
        assert.equal((await get("todos", { apiKey: gateway.keys.secrets.automations })).status, 200);
        const browser = { headers: { "user-agent": "Mozilla/5.0" } };
        assert.equal((await get("todos", { ...secret, ...browser })).status, 401);
        assert.equal((await get("facts", browser)).status, 200);
      },
    );

    await t.step("a bad token refuses the request, whatever the key would allow", async () => {
      for (const bad of ["a.b.c", `${token}x`, await gateway.tokens.sign({ role: "authenticated" }, -60)]) {
        assert.equal((await get("facts", { token: bad })).status, 401);
        assert.equal((await get("todos", { ...secret, token: bad })).status, 401);
        assert.equal((await get("rpc/filtered", { method: "POST", body: "{}", token: bad })).status, 401);
      }
    });

    await t.step("another schema than the exposed ones cannot be reached", async () => {
      const refused = await get("users", { headers: { "accept-profile": "auth" }, ...secret });
      assert.deepEqual([refused.status, (refused.json as Body).code], [406, "PGRST106"]);
      assert.equal((await request(gateway, "/_system/info", secret)).status, 404);
    });

    await t.step("a new table is served after its migration without a restart", async () => {
      await sql`create table public.fresh (id int primary key)`;
      await sql`grant select on public.fresh to anon`;
      await eventually("the new table answers", async () => (await get("fresh")).status === 200 || null);
    });

    await t.step("supabase-js upserts, embeds, counts and pages", async () => {
      await sql.unsafe(`
        create table public.books (id int primary key, title text);
        create table public.chapters (id int primary key, book_id int references public.books, price numeric);
        grant all on public.books, public.chapters to service_role`).simple();
      const client = clientOf(gateway, gateway.keys.secrets.default);
      await eventually(
        "the tables are known",
        async () => (await client.from("chapters").select()).error === null || null,
      );
      await client.from("books").upsert([{ id: 1, title: "a" }, { id: 2, title: "b" }]).throwOnError();
      await client.from("books").upsert({ id: 2, title: "c" }).throwOnError();
      await client.from("chapters").insert([{ id: 1, book_id: 1, price: "1.50" }, { id: 2, book_id: 1 }])
        .throwOnError();
      const books = await client.from("books").select("title, chapters(id, price)").order("id")
        .throwOnError();
      assert.deepEqual(books.data, [
        { title: "a", chapters: [{ id: 1, price: 1.5 }, { id: 2, price: null }] },
        { title: "c", chapters: [] },
      ]);
      const page = await client.from("chapters").select("*", { count: "exact" }).range(0, 0).throwOnError();
      assert.deepEqual([page.count, page.data?.length], [2, 1]);
    });
  }));
