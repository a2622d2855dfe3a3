import assert from "node:assert/strict";
import postgres from "postgres";
import { bootstrapDatabase } from "./bootstrap.ts";
import { eventually, type TestCluster, withCluster } from "./testing.ts";

const API_ROLES = ["anon", "authenticated", "service_role"];

/** Runs the statement under another role and rolls it back. */
async function as({ sql }: TestCluster, role: string, statement: string): Promise<postgres.Row[]> {
  const session = await sql.reserve();
  try {
    await session`begin`;
    await session.unsafe(`set local role ${role}`);
    return await session.unsafe(statement);
  } finally {
    await session`rollback`;
    session.release();
  }
}

async function accessOf({ admin }: TestCluster, kind: string, name: string, privileges: string[]) {
  const access: Record<string, string[]> = {};
  for (const role of API_ROLES) {
    access[role] = [];
    for (const privilege of privileges) {
      const [row] = await admin.unsafe(
        `select has_${kind}_privilege('${role}', '${name}', '${privilege}') as has`,
      );
      if (row!.has) access[role].push(privilege);
    }
  }
  return access;
}

function forAll(privileges: string[]) {
  return Object.fromEntries(API_ROLES.map((role) => [role, privileges]));
}

Deno.test("bootstrap", async (t) => {
  await withCluster(async (cluster) => {
    const { sql, admin, pg } = cluster;

    await t.step("the roles have the attributes of a hosted project", async () => {
      const rows = await admin`
        select rolname, concat_ws(' ',
          case when rolsuper then 'super' end, case when rolinherit then 'inherit' end,
          case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
          case when rolcanlogin then 'login' end, case when rolreplication then 'replication' end,
          case when rolbypassrls then 'bypassrls' end) as attributes
        from pg_roles where rolname !~ '^pg_'`;
      const roles = Object.fromEntries(rows.map(({ rolname, attributes }) => [rolname, attributes]));
      assert.equal(roles.postgres, "inherit createrole createdb login replication bypassrls");
      assert.equal(roles.anon, "inherit");
      assert.equal(roles.authenticated, "inherit");
      assert.equal(roles.service_role, "inherit bypassrls");
      assert.equal(roles.authenticator, "login");
      assert.equal(roles.supabase_auth_admin, "login");
      assert.equal(roles.supabase_realtime_admin, "");
      const superusers = Object.keys(roles).filter((name) => roles[name].includes("super"));
      assert.deepEqual(superusers, ["supabase_admin"]);
    });

    await t.step("no role but supabase_admin and postgres has a password to log in with", async () => {
      const rows = await admin`select rolname from pg_authid where rolpassword is not null order by 1`;
      assert.deepEqual(rows.map(({ rolname }) => rolname), ["postgres", "supabase_admin"]);
    });

    await t.step("roles of the API carry their statement timeouts", async () => {
      const rows = await admin`
        select rolname, array_to_string(setconfig, ',') as config
        from pg_db_role_setting join pg_roles r on r.oid = setrole
        where rolname in ('anon', 'authenticated', 'authenticator') order by 1`;
      assert.deepEqual(rows.map(({ rolname, config }) => [rolname, config]), [
        ["anon", "statement_timeout=3s"],
        ["authenticated", "statement_timeout=8s"],
        ["authenticator", "statement_timeout=8s,lock_timeout=8s"],
      ]);
    });

    await t.step("a new table gives the API roles no rows, only what the platform left behind", async () => {
      await sql`create table public.fresh (id bigserial primary key)`;
      const all = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
      assert.deepEqual(await accessOf(cluster, "table", "public.fresh", all), forAll(all.slice(4)));
      const sequence = await accessOf(cluster, "sequence", "public.fresh_id_seq", [
        "USAGE",
        "SELECT",
        "UPDATE",
      ]);
      assert.deepEqual(sequence, forAll(["UPDATE"]));
      for (const role of API_ROLES) {
        await assert.rejects(as(cluster, role, "select * from public.fresh"), { code: "42501" });
      }
    });

    await t.step("a new function can still be executed by everybody until it is revoked", async () => {
      await sql`create function public.fresh_function() returns int language sql return 1`;
      assert.deepEqual(
        await accessOf(cluster, "function", "public.fresh_function()", ["EXECUTE"]),
        forAll(["EXECUTE"]),
      );
      const [row] = await admin`select proacl from pg_proc where proname = 'fresh_function'`;
      assert.equal(row!.proacl, null);
    });

    await t.step("a new schema of a migration is closed to the API roles", async () => {
      await sql`create schema engine`;
      await sql`create table engine.secret_plan (id int)`;
      for (const role of API_ROLES) {
        await assert.rejects(as(cluster, role, "select * from engine.secret_plan"), { code: "42501" });
      }
    });

    await t.step("auth helpers read the claims of the request, as one JSON or one by one", async () => {
      const uid = crypto.randomUUID();
      const claims = JSON.stringify({
        sub: uid,
        role: "authenticated",
        email: "a@b.c",
        app_metadata: { x: 1 },
      });
      const [json] = await as(
        cluster,
        "authenticated",
        `select set_config('request.jwt.claims', '${claims}', true), auth.uid() as uid, auth.role() as role,
          auth.email() as email, auth.jwt() -> 'app_metadata' ->> 'x' as x`,
      );
      assert.deepEqual([json!.uid, json!.role, json!.email, json!.x], [uid, "authenticated", "a@b.c", "1"]);
      const [single] = await as(
        cluster,
        "authenticated",
        `select set_config('request.jwt.claim.sub', '${uid}', true), auth.uid() as uid`,
      );
      assert.equal(single!.uid, uid);
      const [none] = await as(cluster, "anon", "select auth.uid() as uid, auth.jwt() as jwt");
      assert.deepEqual([none!.uid, none!.jwt], [null, null]);
    });

    await t.step(
      "auth tables are open to postgres, with triggers and references, and closed to the API roles",
      async () => {
        await sql`insert into auth.users (id, email) values (gen_random_uuid(), 'x@y.z')`;
        await sql`create table public.profiles (id uuid references auth.users (id) on delete cascade)`;
        await sql`create function public.on_user() returns trigger language plpgsql as 'begin return new; end'`;
        await sql`create trigger on_user after insert on auth.users for each row execute function public.on_user()`;
        for (const role of API_ROLES) {
          await assert.rejects(as(cluster, role, "select * from auth.users"), { code: "42501" });
        }
        await assert.rejects(sql`create table auth.mine (id int)`.execute(), { code: "42501" });
      },
    );

    await t.step(
      "postgres creates every extension that a migration asks for, and cannot create others",
      async () => {
        for (
          const statement of [
            "pg_net with schema extensions",
            "pg_cron",
            "pgtap with schema extensions",
            "supabase_vault",
          ]
        ) {
          await sql.unsafe(`create extension if not exists ${statement}`);
        }
        const owned = await admin`select extname from pg_extension where extname in ('pg_net', 'pg_cron')`;
        assert.equal(owned.length, 2);
        const [net] =
          await admin`select nspowner::regrole::text as owner from pg_namespace where nspname = 'net'`;
        assert.equal(net!.owner, "supabase_admin");
        await assert.rejects(sql`create extension adminpack`.execute());
        await assert.rejects(sql`create extension pg_buffercache`.execute(), { code: "42501" });
      },
    );

    await t.step("a pgTAP assertion runs under the role postgres", async () => {
      const rows = await as(
        cluster,
        "postgres",
        "select extensions.plan(1) as line union all select extensions.ok(true, 'it works')",
      );
      assert.deepEqual(rows.map(({ line }) => line), ["1..1", "ok 1 - it works"]);
    });

    await t.step(
      "every role may use net once inside the database, as hosted, so net must never be exposed",
      async () => {
        const rows = await as(cluster, "anon", "select net.http_get('http://127.0.0.1:9/') as id");
        assert.equal(rows.length, 1);
      },
    );

    await t.step("only postgres enters the schema cron", async () => {
      for (const role of API_ROLES) {
        await assert.rejects(as(cluster, role, "select cron.schedule('x', '1 second', 'select 1')"), {
          code: "42501",
        });
      }
    });

    await t.step("a policy on realtime.messages can be written by a migration", async () => {
      await as(
        cluster,
        "postgres",
        "create policy read_own on realtime.messages for select to authenticated using (true)",
      );
    });

    await t.step("the publication of Realtime exists, is empty and belongs to postgres", async () => {
      const [row] = await sql`
        select pubowner::regrole::text as owner, puballtables,
          (select count(*)::int from pg_publication_tables where pubname = p.pubname) as tables
        from pg_publication p where pubname = 'supabase_realtime'`;
      assert.deepEqual({ ...row }, { owner: "postgres", puballtables: false, tables: 0 });
    });

    await t.step("extensions are found without their schema's name", async () => {
      assert.equal((await sql`select length(gen_random_bytes(4)) as n`)[0]!.n, 4);
      assert.ok((await sql`select uuid_generate_v4() as id`)[0]!.id);
      assert.ok((await sql`select count(*) from pg_stat_statements`)[0]);
    });

    await t.step(
      "a change of the schema is announced to the data API, one of the platform's schemas is not",
      async () => {
        const heard: string[] = [];
        const { unlisten } = await admin.listen("pgrst", (payload) => heard.push(payload));
        await admin`create table realtime.partition_of_a_day (id int)`;
        await sql`create table public.announced (id int)`;
        await eventually("the announcement", () => heard.length > 0 ? true : null);
        await sql`drop table public.announced`;
        await eventually("the announcement of the drop", () => heard.length > 1 ? true : null);
        assert.deepEqual(heard, ["reload schema", "reload schema"]);
        await unlisten();
      },
    );

    await t.step("a second bootstrap changes nothing, also several at once", async () => {
      await sql`alter default privileges in schema public grant select on tables to anon`;
      const snapshot = () =>
        admin`select oid::text, xmin::text from pg_proc union all select oid::text, xmin::text from pg_default_acl
          union all select oid::text, xmin::text from pg_authid order by 1`;
      const before = await snapshot();
      await Promise.all([bootstrapDatabase(pg.adminUrl), bootstrapDatabase(pg.adminUrl)]);
      assert.deepEqual([...await snapshot()], [...before]);
    });

    await t.step("a clone of a bootstrapped database needs no bootstrap of its own", async () => {
      await admin`create database template_source`;
      await bootstrapDatabase(pg.urlFor("template_source", "supabase_admin"));
      await admin`create database clone template template_source owner postgres`;
      const clone = postgres(pg.urlFor("clone"), { max: 1 });
      try {
        const [row] = await clone`select vault.create_secret('in the clone') as id`;
        const [secret] = await clone`select decrypted_secret from vault.decrypted_secrets where id = ${
          row!.id
        }`;
        assert.equal(secret!.decrypted_secret, "in the clone");
      } finally {
        await clone.end();
      }
      await bootstrapDatabase(pg.urlFor("clone", "supabase_admin"));
    });
  });
});
