import type postgres from "postgres";
import type { TypeFacts } from "./type_names.ts";

/** A column of a table or view. */
export interface ColumnRow {
  readonly schema: string;
  readonly relation: string;
  readonly is_view: boolean;
  readonly name: string;
  readonly type: TypeFacts;
  readonly is_nullable: boolean;
  /** Not to be given by a writer: generated, or an identity that is always generated. */
  readonly is_generated: boolean;
  readonly has_default: boolean;
}

/** A foreign key, which is a path for embedded selects. */
export interface RelationshipRow {
  readonly schema: string;
  readonly relation: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly is_one_to_one: boolean;
  readonly referenced: string;
  readonly referenced_columns: readonly string[];
}

/** An argument of a function, or a column of the table it returns. */
export interface ArgumentRow {
  readonly name: string;
  readonly type: TypeFacts;
  /** Letters of `pg_proc.proargmodes`. */
  readonly mode: "i" | "o" | "b" | "v" | "t";
  readonly has_default: boolean;
}

/** A function that some caller of the Data API may execute. */
export interface FunctionRow {
  readonly schema: string;
  readonly name: string;
  readonly is_strict: boolean;
  readonly returns_set: boolean;
  readonly returns: TypeFacts;
  readonly args: readonly ArgumentRow[];
}

/** An enum with its labels in order. */
export interface EnumRow {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[];
}

/** A JSON object with the facts of the type whose oid the expression gives; domains and arrays are unwrapped. */
function typeFacts(tx: postgres.TransactionSql, oid: string): postgres.PendingQuery<postgres.Row[]> {
  return tx`
    (with recursive unwrapped (oid, is_array) as (
       select ${tx.unsafe(oid)}::oid, false
       union all
       select case when t.typtype = 'd' then t.typbasetype else t.typelem end,
              u.is_array or t.typcategory = 'A' and t.typtype <> 'd'
         from unwrapped u join pg_catalog.pg_type t on t.oid = u.oid
        where t.typtype = 'd' or (t.typcategory = 'A' and t.typelem <> 0)
     )
     select jsonb_build_object('name', t.typname, 'schema', t.typnamespace::regnamespace::text, 'kind', t.typtype,
              'is_array', (select bool_or(is_array) from unwrapped),
              'relation', (select case when k.relkind in ('v', 'm') then 'view' else 'table' end
                             from pg_catalog.pg_class k where k.oid = t.typrelid))
       from unwrapped u join pg_catalog.pg_type t on t.oid = u.oid
      where not (t.typtype = 'd' or (t.typcategory = 'A' and t.typelem <> 0)))`;
}

/** Columns of tables and views, by name. */
export async function readColumns(
  tx: postgres.TransactionSql,
  schemas: readonly string[],
): Promise<ColumnRow[]> {
  return await tx<ColumnRow[]>`
    select n.nspname as schema, c.relname as relation, c.relkind in ('v', 'm') as is_view, a.attname as name,
           ${typeFacts(tx, "a.atttypid")} as type,
           not a.attnotnull and not t.typnotnull as is_nullable,
           a.attgenerated <> '' or a.attidentity = 'a' as is_generated,
           a.atthasdef or a.attidentity <> '' as has_default
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_class c on c.oid = a.attrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_type t on t.oid = a.atttypid
     where n.nspname = any(${schemas as string[]}) and c.relkind in ('r', 'p', 'v', 'm')
       and a.attnum > 0 and not a.attisdropped
     order by n.nspname, c.relname, a.attname`;
}

/** Foreign keys within a schema. */
export async function readRelationships(
  tx: postgres.TransactionSql,
  schemas: readonly string[],
): Promise<RelationshipRow[]> {
  return await tx<RelationshipRow[]>`
    select n.nspname as schema, c.relname as relation, k.conname as name, r.relname as referenced,
           array(select a.attname::text from unnest(k.conkey) with ordinality u(num, ord)
                   join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.ord) as columns,
           array(select a.attname::text from unnest(k.confkey) with ordinality u(num, ord)
                   join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.ord)
             as referenced_columns,
           exists (select from pg_catalog.pg_index i
                    where i.indrelid = k.conrelid and i.indisunique and i.indpred is null
                      and (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ k.conkey) as is_one_to_one
      from pg_catalog.pg_constraint k
      join pg_catalog.pg_class c on c.oid = k.conrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_class r on r.oid = k.confrelid and r.relnamespace = c.relnamespace
     where k.contype = 'f' and n.nspname = any(${schemas as string[]})
     order by n.nspname, c.relname, k.conname`;
}

/** Functions by name; trigger functions and those of extensions are left out. */
export async function readFunctions(
  tx: postgres.TransactionSql,
  schemas: readonly string[],
): Promise<FunctionRow[]> {
  return await tx<FunctionRow[]>`
    select n.nspname as schema, p.proname as name, p.proisstrict as is_strict, p.proretset as returns_set,
           ${typeFacts(tx, "p.prorettype")} as returns,
           (select coalesce(jsonb_agg(jsonb_build_object(
                     'name', coalesce(p.proargnames[u.ord], ''), 'type', ${typeFacts(tx, "u.type")},
                     'mode', coalesce(p.proargmodes[u.ord]::text, 'i'),
                     'has_default', coalesce(p.proargmodes[u.ord]::text, 'i') in ('i', 'b', 'v')
                        and (select count(*) from unnest(coalesce(p.proargmodes::text[], '{}')) with ordinality m(mode, ord)
                              where m.ord <= u.ord and m.mode in ('i', 'b', 'v'))
                            + case when p.proargmodes is null then u.ord else 0 end > p.pronargs - p.pronargdefaults
                   ) order by u.ord), '[]')
              from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality u(type, ord)) as args
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where n.nspname = any(${schemas as string[]}) and p.prokind = 'f'
       and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
       and exists (select from unnest(array['anon', 'authenticated', 'service_role']) caller
                    where has_function_privilege(caller, p.oid, 'execute'))
       and not exists (select from pg_catalog.pg_depend d
                        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
     order by n.nspname, p.proname, p.oid`;
}

/** Enums by name. */
export async function readEnums(tx: postgres.TransactionSql, schemas: readonly string[]): Promise<EnumRow[]> {
  return await tx<EnumRow[]>`
    select n.nspname as schema, t.typname as name,
           array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
      from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
     where t.typtype = 'e' and n.nspname = any(${schemas as string[]})
     order by n.nspname, t.typname`;
}
