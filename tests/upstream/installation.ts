/** An existing installation of the product, before the engine: its schema, its rows, and pictures of it to compare. */
import type { Sql } from "postgres";

/** The live tables, extended in place. */
export const LIVE_TABLES = [
  "user_profiles",
  "user_subscriptions",
  "traders",
  "signals",
  "signal_analyses",
  "workflow_schedules",
  "monitoring_decisions",
  "position_management_decisions",
] as const;

/** The tables of the earlier design, moved aside whole. */
export const OLD_TABLES = [
  "exchange_accounts",
  "exchange_credentials",
  "positions",
  "orders",
  "trades",
  "trade_audit_log",
] as const;

/** Fixtures in the order of their application. */
export type Fixture = "schema" | "rows" | "old_trading_tables";

/** Runs fixtures as the connection's role, each as one script. */
export async function install(sql: Sql, fixtures: readonly Fixture[]): Promise<void> {
  for (const fixture of fixtures) {
    await sql.unsafe(await Deno.readTextFile(new URL(`./${fixture}.sql`, import.meta.url))).simple();
  }
}

type Row = Readonly<Record<string, unknown>>;

/** Rows by table, as JSON text by column so that a number keeps its digits; sorted, so that order does not matter. */
export async function rowsOf(
  sql: Sql,
  schema: string,
  tables: readonly string[],
): Promise<Map<string, Row[]>> {
  const entries = await Promise.all(tables.map(async (table): Promise<[string, Row[]]> => {
    const rows = await sql<{ row: Row }[]>`
      select (select jsonb_object_agg(e.key, e.value::text) from jsonb_each(to_jsonb(t)) e) as row
      from ${sql(schema)}.${sql(table)} t order by to_jsonb(t) ->> 'id'`;
    return [table, rows.map(({ row }) => row)];
  }));
  return new Map(entries);
}

/** The rows with nothing but the columns they had in an earlier picture. */
export function onlyColumnsOf(earlier: Map<string, Row[]>, later: Map<string, Row[]>): Map<string, Row[]> {
  return new Map([...later].map(([table, rows]) => {
    const columns = Object.keys(earlier.get(table)?.[0] ?? {});
    return [table, rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])))];
  }));
}

/** Policies of tables, as "table: name, command, roles, condition, check". */
export async function policiesOf(sql: Sql, schema: string, tables: readonly string[]): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select concat_ws(', ', tablename || ': ' || policyname, cmd, permissive, roles::text,
      regexp_replace(qual, '\\m(public|legacy)\\.', '', 'g'), regexp_replace(with_check, '\\m(public|legacy)\\.', '', 'g')) as line
    from pg_policies where schemaname = ${schema} and tablename = any (${[...tables]}) order by 1`;
  return rows.map(({ line }) => line);
}

/** Triggers of tables that are switched on, as "table: name, function". */
export async function triggersOf(sql: Sql, schema: string, tables: readonly string[]): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select c.relname || ': ' || t.tgname || ', ' || p.proname as line
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
    where c.relnamespace = ${schema}::regnamespace and c.relname = any (${[...tables]})
      and not t.tgisinternal and t.tgenabled = 'O' order by 1`;
  return rows.map(({ line }) => line);
}

/** Indexes and constraints of tables, as "table: name". */
export async function structuresOf(sql: Sql, schema: string, tables: readonly string[]): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select c.relname || ': ' || i.relname as line from pg_index x
      join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
      where c.relnamespace = ${schema}::regnamespace and c.relname = any (${[...tables]})
    union all
    select c.relname || ': ' || k.conname || ' ' || k.contype::text from pg_constraint k
      join pg_class c on c.oid = k.conrelid
      where c.relnamespace = ${schema}::regnamespace and c.relname = any (${[...tables]}) order by 1`;
  return rows.map(({ line }) => line);
}

/** Tables of the publication that frontends listen to. */
export async function publishedTables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select schemaname || '.' || tablename as name from pg_publication_tables where pubname = 'supabase_realtime' order by 1`;
  return rows.map(({ name }) => name);
}
