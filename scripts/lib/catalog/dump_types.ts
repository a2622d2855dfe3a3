import type postgres from "postgres";
import { commentOn, quoteText } from "./statements.ts";

interface TypeRow {
  readonly name: string;
  readonly base: string | null;
  readonly not_null: boolean;
  readonly preset: string | null;
  readonly constraints: readonly string[];
  readonly labels: readonly string[];
  readonly comment: string | null;
}

/** Domains and enums of a schema, by name. */
export async function dumpTypes(tx: postgres.TransactionSql, schema: string): Promise<string[]> {
  const rows = await tx<TypeRow[]>`
    select t.oid::regtype::text as name,
           case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
           t.typnotnull as not_null,
           t.typdefault as preset,
           array(select format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid, true))
                   from pg_catalog.pg_constraint c where c.contypid = t.oid and c.contype = 'c'
                  order by c.conname) as constraints,
           array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid
                  order by e.enumsortorder) as labels,
           obj_description(t.oid, 'pg_type') as comment
      from pg_catalog.pg_type t
     where t.typnamespace = ${schema}::regnamespace and t.typtype in ('d', 'e')
       and not exists (select from pg_catalog.pg_depend d
                        where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
     order by t.typname`;
  return rows.map((row) => (row.base === null ? enumText(row) : domainText(row)).join("\n"));
}

function enumText({ name, labels, comment }: TypeRow): string[] {
  return [
    `create type ${name} as enum (${labels.map(quoteText).join(", ")});`,
    ...commentOn(`type ${name}`, comment),
  ];
}

function domainText({ name, base, not_null, preset, constraints, comment }: TypeRow): string[] {
  const facts = [
    ...(preset === null ? [] : [`default ${preset}`]),
    ...(not_null ? ["not null"] : []),
    ...constraints,
  ];
  return [
    `create domain ${name} as ${base}${facts.map((fact) => `\n  ${fact}`).join("")};`,
    ...commentOn(`domain ${name}`, comment),
  ];
}
