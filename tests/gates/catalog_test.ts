import assert from "node:assert/strict";
import postgres from "postgres";
import { generateDatabaseTypes } from "../../scripts/lib/catalog/database_types.ts";
import { dumpSchemas } from "../../scripts/lib/catalog/schema_dump.ts";
import { generateStatesDocument } from "../../scripts/lib/catalog/states_document.ts";
import { cloneDatabase } from "../harness/database.ts";

async function withClone(work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  await using database = await cloneDatabase("catalog");
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

/** One change of every kind that a review must be able to see. */
const CHANGES = [
  "create type public.planted_kind as enum ('a', 'b')",
  "alter type public.planted_kind add value 'c'",
  "create domain public.planted_price as numeric check (value > 0)",
  "create table public.planted (id uuid primary key, kind public.planted_kind, price public.planted_price)",
  "alter table public.planted alter price set not null",
  "alter table public.planted alter price set default 1",
  "alter table public.planted add constraint planted_price_small check (price < 10)",
  "alter table public.planted add owner_id uuid references auth.users (id) on delete set null",
  "create index planted_owner_id_idx on public.planted (owner_id) where owner_id is not null",
  "alter table public.planted enable row level security",
  "alter table public.planted force row level security",
  "create policy planted_select on public.planted for select to authenticated using (true)",
  "alter policy planted_select on public.planted using (owner_id = (select auth.uid()))",
  "comment on table public.planted is 'planted'",
  "comment on column public.planted.price is 'in USDT'",
  "revoke all on public.planted from anon",
  "grant update (price) on public.planted to anon",
  "alter table public.planted owner to fillbase_engine",
  "alter table public.planted set (fillfactor = 50)",
  "create view public.planted_view as select 1 as a",
  "alter view public.planted_view set (security_invoker = true)",
  "grant select on public.planted_view to anon",
  "create function public.planted() returns int language sql as 'select 1'",
  "create or replace function public.planted() returns int language sql as 'select 2'",
  "alter function public.planted() set search_path = ''",
  "alter function public.planted() security definer",
  "revoke execute on function public.planted() from public",
  "comment on function public.planted() is 'planted'",
  "create function public.tg_planted() returns trigger language plpgsql as 'begin return new; end'",
  "create trigger planted_100 before insert on public.planted for each row execute function public.tg_planted()",
  "alter table public.planted disable trigger planted_100",
  "alter publication supabase_realtime add table public.planted",
  "set role fillbase_engine; grant usage on schema trading to anon; reset role",
];

Deno.test("the schema dump is the same twice, and another one after a change of any kind", async () => {
  await withClone(async (sql) => {
    let before = await dumpSchemas(sql);
    assert.equal(await dumpSchemas(sql), before);
    for (const change of CHANGES) {
      await sql.unsafe(change).simple();
      const after = await dumpSchemas(sql);
      assert.notEqual(after, before, `not seen: ${change}`);
      before = after;
    }
  });
});

Deno.test("types say what is read, what may be left out, and that a writer may give a numeric as text", async () => {
  await withClone(async (sql) => {
    await sql.unsafe(`
      create type public.planted_kind as enum ('a', 'b');
      create table public.planted_other (id uuid primary key);
      create table public.planted (
        id bigint generated always as identity primary key, price trading.price not null,
        at timestamptz not null default now(), kind public.planted_kind, tags text[],
        owner_id uuid references public.planted_other (id));`).simple();
    await sql.unsafe(`
      create function public.planted_call(p_price numeric, p_limit int default 5)
        returns table (symbol text, total numeric) language sql as $$ select 'A', 1::numeric $$;
      grant execute on function public.planted_call to service_role;
      create function public.planted_secret() returns int language sql as 'select 1';
      revoke execute on function public.planted_secret from public;`).simple();
    const types = (await generateDatabaseTypes(sql)).replaceAll(/\s+/g, " ");
    assert.match(
      types,
      /planted: \{ Row: \{ at: string; id: number; kind: Database\["public"\]\["Enums"\]\["planted_kind"\] \| null;/,
    );
    assert.match(
      types,
      /Insert: \{ at\?: string; id\?: never; kind\?: [^;]+ \| null; owner_id\?: string \| null; price: number \| string; tags\?: string\[\] \| null;/,
    );
    assert.match(
      types,
      /foreignKeyName: "planted_owner_id_fkey"; columns: \["owner_id"\]; isOneToOne: false;/,
    );
    assert.match(types, /planted_kind: "a" \| "b";/);
    assert.match(
      types,
      /planted_call: \{ Args: \{ p_price: number \| string \| null; p_limit\?: number \| null; \}; Returns: \{ symbol: string \| null; total: number \| null; \}\[\] \}/,
    );
    assert.doesNotMatch(types, /planted_secret/);
  });
});

Deno.test("the states document draws and lists a new transition", async () => {
  await withClone(async (sql) => {
    await sql.unsafe(`set role fillbase_engine;
      insert into trading.order_transitions (from_status, to_status, note) values ('filled', 'planted', 'never | ever'); reset role`)
      .simple();
    const document = await generateStatesDocument(sql);
    assert.match(document, /^ {2}filled --> planted\n[\s\S]*^ {2}planted --> \[\*\]$/m);
    assert.match(document, /\| filled \| planted \| never \\\| ever \|/);
  });
});
