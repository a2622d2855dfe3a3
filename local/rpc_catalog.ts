/** The functions that the Data API offers, read from the catalogue, and the choice among them for a request. */
import type { Sql } from "postgres";
import { quoteLiteral } from "./api_session.ts";

/** One callable function of an exposed schema. */
export interface RpcFunction {
  readonly schema: string;
  readonly name: string;
  /** Input parameters in order. A single parameter may be unnamed (`""`) and then takes the whole body. */
  readonly parameters: readonly RpcParameter[];
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly returnsSet: boolean;
  /** `row`: JSON objects with named columns; `value`: bare values; `void`: no content. */
  readonly result: "row" | "value" | "void";
}

export interface RpcParameter {
  readonly name: string;
  /** Type as SQL, schema-qualified where needed. */
  readonly type: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
}

/** Functions by `schema.name`; more than one entry means overloads. */
export type RpcCatalog = ReadonlyMap<string, readonly RpcFunction[]>;

export type RpcChoice =
  | { readonly kind: "found"; readonly fn: RpcFunction }
  | { readonly kind: "unknown" }
  | { readonly kind: "ambiguous"; readonly candidates: readonly RpcFunction[] };

interface CatalogRow {
  readonly schema: string;
  readonly name: string;
  readonly names: readonly string[];
  readonly types: readonly string[];
  readonly default_count: number;
  readonly is_variadic: boolean;
  readonly volatility: RpcFunction["volatility"];
  readonly returns_set: boolean;
  readonly result: RpcFunction["result"];
}

/** Reads every plain function of the schemas, except trigger functions. */
export async function loadRpcCatalog(sql: Sql, schemas: readonly string[]): Promise<RpcCatalog> {
  // One message, hence one transaction: a session that dies under it leaves nothing to roll back.
  const results = await sql.unsafe<CatalogRow[][]>(`
    set local search_path = '';
    select n.nspname as schema, p.proname as name,
      array(
        select coalesce(p.proargnames[i], '')
        from generate_series(1, greatest(cardinality(p.proargnames), p.pronargs)) i
        where coalesce(p.proargmodes[i], 'i') in ('i', 'b', 'v')
        order by i
      ) as names,
      array(select format_type(t, null) from unnest(p.proargtypes) with ordinality a(t, i) order by i) as types,
      p.pronargdefaults as default_count, p.provariadic <> 0 as is_variadic,
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
      p.proretset as returns_set,
      case
        when r.oid = 'void'::regtype then 'void'
        when coalesce(p.proargmodes::text[] && '{o,b,t}', false) or coalesce(b.typtype, r.typtype) = 'c'
          or r.oid = 'record'::regtype then 'row'
        else 'value'
      end as result
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_type r on r.oid = p.prorettype
    left join pg_catalog.pg_type b on b.oid = r.typbasetype
    where n.nspname in (${schemas.map(quoteLiteral).join(", ")}) and p.prokind = 'f'
      and r.oid not in ('trigger'::regtype, 'event_trigger'::regtype)`).simple();
  const rows = results.at(-1)!;
  const catalog = new Map<string, RpcFunction[]>();
  for (const row of rows) {
    const key = `${row.schema}.${row.name}`;
    catalog.set(key, [...catalog.get(key) ?? [], functionOf(row)]);
  }
  return catalog;
}

/** The one function that takes exactly these named arguments, leaving out only what has a default. */
export function chooseByNames(catalog: RpcCatalog, key: string, names: readonly string[]): RpcChoice {
  const candidates = (catalog.get(key) ?? []).filter((fn) => acceptsNames(fn, names));
  if (candidates.length > 1) return { kind: "ambiguous", candidates };
  return candidates[0] ? { kind: "found", fn: candidates[0] } : { kind: "unknown" };
}

/** The function whose single unnamed parameter of one of these types takes the whole body. */
export function chooseByBody(catalog: RpcCatalog, key: string, types: readonly string[]): RpcChoice {
  const candidates = (catalog.get(key) ?? []).filter(({ parameters }) =>
    parameters.length === 1 && parameters[0]?.name === "" && types.includes(parameters[0].type)
  );
  return candidates[0] ? { kind: "found", fn: candidates[0] } : { kind: "unknown" };
}

function acceptsNames(fn: RpcFunction, names: readonly string[]): boolean {
  const known = new Set(fn.parameters.map((parameter) => parameter.name));
  if (known.has("")) return false;
  return names.every((name) => known.has(name)) &&
    fn.parameters.every((parameter) => !parameter.isRequired || names.includes(parameter.name));
}

function functionOf(row: CatalogRow): RpcFunction {
  const last = row.types.length - 1;
  const parameters = row.types.map((type, index) => {
    const isVariadic = row.is_variadic && index === last;
    const hasDefault = index >= row.types.length - row.default_count;
    return { name: row.names[index] ?? "", type, isVariadic, isRequired: !hasDefault && !isVariadic };
  });
  return {
    schema: row.schema,
    name: row.name,
    parameters,
    volatility: row.volatility,
    returnsSet: row.returns_set,
    result: row.result,
  };
}
