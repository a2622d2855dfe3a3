import type postgres from "postgres";
import { commentOn, type Grant, grantList, grantsOn } from "./statements.ts";

interface ViewRow {
  readonly name: string;
  readonly owner: string;
  readonly is_materialized: boolean;
  readonly options: readonly string[] | null;
  readonly definition: string;
  readonly comment: string | null;
  readonly grants: readonly Grant[];
}

interface FunctionRow {
  readonly name: string;
  readonly kind: "function" | "procedure";
  readonly owner: string;
  readonly definition: string;
  readonly comment: string | null;
  readonly grants: readonly Grant[];
}

/** Views of a schema, by name. */
export async function dumpViews(tx: postgres.TransactionSql, schema: string): Promise<string[]> {
  const rows = await tx<ViewRow[]>`
    select c.oid::regclass::text as name, c.relowner::regrole::text as owner, c.relkind = 'm' as is_materialized,
           c.reloptions as options, pg_get_viewdef(c.oid, true) as definition,
           obj_description(c.oid, 'pg_class') as comment,
           ${grantList(tx, "c.relacl", "r", "c.relowner")} as grants
      from pg_catalog.pg_class c
     where c.relnamespace = ${schema}::regnamespace and c.relkind in ('v', 'm')
       and not exists (select from pg_catalog.pg_depend d
                        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by c.relname`;
  return rows.map((row) => {
    const kind = row.is_materialized ? "materialized view" : "view";
    const options = row.options === null ? "" : ` with (${row.options.join(", ")})`;
    return [
      `create ${kind} ${row.name}${options} as\n${row.definition}`,
      `alter ${kind} ${row.name} owner to ${row.owner};`,
      ...commentOn(`${kind} ${row.name}`, row.comment),
      ...grantsOn(`table ${row.name}`, row.grants),
    ].join("\n");
  });
}

/** Functions and procedures of a schema with their present source, by name and arguments. */
export async function dumpFunctions(tx: postgres.TransactionSql, schema: string): Promise<string[]> {
  const rows = await tx<FunctionRow[]>`
    select format('%s.%I(%s)', ${schema}::regnamespace, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
           case p.prokind when 'p' then 'procedure' else 'function' end as kind,
           p.proowner::regrole::text as owner, pg_get_functiondef(p.oid) as definition,
           obj_description(p.oid, 'pg_proc') as comment,
           ${grantList(tx, "p.proacl", "f", "p.proowner")} as grants
      from pg_catalog.pg_proc p
     where p.pronamespace = ${schema}::regnamespace and p.prokind in ('f', 'p', 'w')
       and not exists (select from pg_catalog.pg_depend d
                        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
     order by p.proname, pg_get_function_identity_arguments(p.oid)`;
  return rows.map((row) =>
    [
      `${row.definition.trimEnd()};`,
      `alter ${row.kind} ${row.name} owner to ${row.owner};`,
      ...commentOn(`${row.kind} ${row.name}`, row.comment),
      ...grantsOn(`${row.kind} ${row.name}`, row.grants),
    ].join("\n")
  );
}
