import assert from "node:assert/strict";
import { projectRoot } from "../../scripts/lib/project.ts";
import { cloneDatabase } from "../harness/database.ts";
import { loadHelpers, runRolledBack } from "../harness/pgtap.ts";

/** A mistake in a migration, and the assertion that must see it. */
interface Planted {
  readonly file: "tables" | "functions" | "views";
  readonly sql: string;
  readonly assertion: RegExp;
}

const FUNCTION = "returns int language sql set search_path = '' as 'select 1'";

const PLANTED: readonly Planted[] = [
  { file: "tables", sql: "create table public.planted (id int)", assertion: /row level security/ },
  { file: "tables", sql: "create table trading.planted (id int)", assertion: /table has a comment/ },
  { file: "tables", sql: "create table trading.planted (price float8)", assertion: /floating point/ },
  { file: "tables", sql: "create table trading.planted (at timestamp)", assertion: /timestamptz/ },
  {
    file: "tables",
    sql: "create table trading.planted (other uuid references public.signals (id))",
    assertion: /foreign key has an index/,
  },
  {
    file: "tables",
    sql: "alter table public.orders add planted uuid references public.signals (id) on delete cascade",
    assertion: /row was deleted/,
  },
  {
    file: "tables",
    sql: "grant update (quantity) on public.orders to authenticated",
    assertion: /the engine alone/,
  },
  { file: "tables", sql: "grant delete on public.orders to service_role", assertion: /the engine alone/ },
  {
    file: "functions",
    sql: "create function public.planted() returns int language sql as 'select 1'",
    assertion: /empty search_path/,
  },
  {
    file: "functions",
    sql: "create function public.planted() returns int language sql security definer return 1",
    assertion: /empty search_path/,
  },
  {
    file: "functions",
    sql: `create function public.planted() ${FUNCTION}`,
    assertion: /executable by PUBLIC/,
  },
  {
    file: "functions",
    sql:
      `create function trading.planted() ${FUNCTION}; grant execute on function trading.planted() to authenticated`,
    assertion: /executable by anon or authenticated/,
  },
  { file: "functions", sql: "grant usage on schema trading to anon", assertion: /cannot even name/ },
  {
    file: "functions",
    sql: `create function trading.planted() ${FUNCTION} security definer`,
    assertion: /run as fillbase_engine/,
  },
  {
    file: "functions",
    sql:
      `create function public.planted() ${FUNCTION}; grant execute on function public.planted() to service_role`,
    assertion: /has a comment/,
  },
  {
    file: "functions",
    sql:
      `create function trading.planted() ${FUNCTION}; create function trading.planted(p_a int) ${FUNCTION}`,
    assertion: /overloaded/,
  },
  {
    file: "functions",
    sql: `create function trading.planted(quantity int) ${FUNCTION}`,
    assertion: /named p_/,
  },
  { file: "views", sql: "create view public.planted as select 1 as a", assertion: /rights of its caller/ },
  {
    file: "views",
    sql: "create materialized view public.planted as select 1 as a",
    assertion: /materialized/,
  },
  {
    file: "views",
    sql: "create view trading.planted with (security_invoker = true) as select 1 as a",
    assertion: /view has a comment/,
  },
];

Deno.test("each convention over the catalogue sees its planted mistake", async (t) => {
  await using database = await cloneDatabase("conventions");
  await loadHelpers(database.url);
  for (const { file, sql: mistake, assertion } of PLANTED) {
    await t.step(`${file}: ${mistake}`, async () => {
      const text = await Deno.readTextFile(`${projectRoot}supabase/tests/conventions/${file}.test.sql`);
      const planted = text.replace(/^select plan/m, `${mistake};\nselect plan`);
      const { report } = await runRolledBack(database.url, planted);
      const failed = report.filter((line) => line.startsWith("not ok"));
      assert.ok(failed.some((line) => assertion.test(line)), `found only: ${report.join("\n")}`);
      assert.match(report.join("\n"), /planted|anon|orders/);
    });
  }
});
