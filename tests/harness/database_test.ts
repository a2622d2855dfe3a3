import assert from "node:assert/strict";
import postgres from "postgres";
import { cloneDatabase } from "./database.ts";

async function withSql<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

Deno.test("a clone holds every migration, applied by the role postgres, which is no superuser", async () => {
  await using database = await cloneDatabase("migrated");
  const migrations =
    (await Array.fromAsync(Deno.readDir(new URL("../../supabase/migrations", import.meta.url))))
      .map((entry) => entry.name.split("_")[0]).sort();
  await withSql(database.url, async (sql) => {
    const applied = await sql`select version from supabase_migrations.schema_migrations order by version`;
    assert.deepEqual(applied.map((row) => row.version), migrations);
    const [role] =
      await sql`select current_user as name, rolsuper from pg_roles where rolname = current_user`;
    assert.deepEqual({ ...role }, { name: "postgres", rolsuper: false });
  });
});

Deno.test("what one clone is told, another clone does not know", async () => {
  await using first = await cloneDatabase("first");
  await using second = await cloneDatabase("second");
  await withSql(first.url, (sql) => sql`create table public.only_here (id int)`);
  const [row] = await withSql(second.url, (sql) => sql`select to_regclass('public.only_here') as found`);
  assert.equal(row?.found, null);
});

Deno.test("a clone keeps the settings and the privileges that its template has as a database", async () => {
  await using database = await cloneDatabase("settings");
  const rows = await withSql(database.adminUrl, (sql) =>
    sql`
    select d.datacl::text as privileges,
           (select array_agg(array[s.setrole::text, s.setconfig::text] order by s.setrole)
              from pg_db_role_setting s where s.setdatabase = d.oid) as settings
      from pg_database d where d.datname in (current_database(), 'fillbase_template')`);
  assert.equal(rows.length, 2);
  assert.deepEqual({ ...rows[0] }, { ...rows[1] });
});

Deno.test("a dropped clone is gone even while connections are open, and dropping twice is harmless", async () => {
  await using keeper = await cloneDatabase("keeper");
  const database = await cloneDatabase("dropped");
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  await sql`select 1`;
  await database.drop();
  await database.drop();
  await sql.end();
  const rows = await withSql(
    keeper.adminUrl,
    (admin) => admin`select 1 from pg_database where datname = ${database.name}`,
  );
  assert.equal(rows.length, 0);
});
