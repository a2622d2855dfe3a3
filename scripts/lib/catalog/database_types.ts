import type postgres from "postgres";
import { GENERATED_NOTICE, OUR_SCHEMAS } from "./schemas.ts";
import { type TypeFacts, typeName as nameType } from "./type_names.ts";
import {
  type ArgumentRow,
  type ColumnRow,
  type EnumRow,
  type FunctionRow,
  readColumns,
  readEnums,
  readFunctions,
  readRelationships,
  type RelationshipRow,
} from "./type_queries.ts";

interface Catalog {
  readonly columns: readonly ColumnRow[];
  readonly relationships: readonly RelationshipRow[];
  readonly functions: readonly FunctionRow[];
  readonly enums: readonly EnumRow[];
}

/**
 * TypeScript types of our schemas in the shape that supabase-js takes as `createClient<Database>()`.
 * Read from the catalogue, because the pinned CLI's `gen types` starts a container.
 */
export async function generateDatabaseTypes(sql: postgres.Sql): Promise<string> {
  const catalog = await sql.begin("read only", async (tx): Promise<Catalog> => ({
    columns: await readColumns(tx, OUR_SCHEMAS),
    relationships: await readRelationships(tx, OUR_SCHEMAS),
    functions: await readFunctions(tx, OUR_SCHEMAS),
    enums: await readEnums(tx, OUR_SCHEMAS),
  }));
  return [
    `// ${GENERATED_NOTICE}`,
    "",
    "/** A JSON value. */",
    "export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];",
    "",
    "/** What the Data API exposes: rows as they are read, written and returned by functions. */",
    `export type Database = {${OUR_SCHEMAS.map((schema) => schemaText(schema, catalog)).join("\n")}};`,
    "",
  ].join("\n");
}

function typeName(type: TypeFacts, direction: "read" | "write"): string {
  return nameType(type, direction, OUR_SCHEMAS);
}

function schemaText(schema: string, catalog: Catalog): string {
  const mine = <T extends { schema: string }>(rows: readonly T[]) =>
    rows.filter((row) => row.schema === schema);
  const columns = mine(catalog.columns);
  return `${schema}: {
    Tables: ${
    group(
      relations(columns.filter((column) => !column.is_view)),
      (name, own) => tableText(own, mine(catalog.relationships).filter((one) => one.relation === name)),
    )
  };
    Views: ${group(relations(columns.filter((column) => column.is_view)), (_, own) => viewText(own))};
    Functions: ${
    group(callable(mine(catalog.functions)), (_, overloads) => overloads.map(functionText).join(" | "))
  };
    Enums: ${group(mine(catalog.enums).map((one) => [one.name, one]), (_, one) => enumText(one))};
    CompositeTypes: { [_ in never]: never };
  };`;
}

/** An object type, or the type of an object without properties. */
function group<T>(
  entries: readonly (readonly [string, T])[],
  text: (name: string, value: T) => string,
): string {
  if (entries.length === 0) return "{ [_ in never]: never }";
  return `{\n${entries.map(([name, value]) => `${name}: ${text(name, value)};`).join("\n")}\n}`;
}

function relations(columns: readonly ColumnRow[]): [string, ColumnRow[]][] {
  return Object.entries(Object.groupBy(columns, (column) => column.relation)) as [string, ColumnRow[]][];
}

/** Functions by name; one with unnamed arguments cannot be called over the Data API. */
function callable(functions: readonly FunctionRow[]): [string, FunctionRow[]][] {
  const named = functions.filter(({ args }) => args.every((arg) => arg.name !== "" || !isInput(arg)));
  return Object.entries(Object.groupBy(named, (one) => one.name)) as [string, FunctionRow[]][];
}

function tableText(columns: readonly ColumnRow[], relationships: readonly RelationshipRow[]): string {
  const row = columns.map((column) => `${column.name}: ${readType(column)};`);
  const insert = columns.map((column) => {
    if (column.is_generated) return `${column.name}?: never;`;
    return `${column.name}${column.is_nullable || column.has_default ? "?" : ""}: ${writeType(column)};`;
  });
  const update = columns.map((column) =>
    `${column.name}?: ${column.is_generated ? "never" : writeType(column)};`
  );
  return `{ Row: { ${row.join("\n")} }; Insert: { ${insert.join("\n")} }; Update: { ${update.join("\n")} };
    Relationships: [${relationships.map(relationshipText).join(", ")}] }`;
}

function viewText(columns: readonly ColumnRow[]): string {
  const row = columns.map((column) => `${column.name}: ${readType(column)};`);
  return `{ Row: { ${row.join("\n")} }; Relationships: [] }`;
}

function readType({ type, is_nullable }: ColumnRow): string {
  return `${typeName(type, "read")}${is_nullable ? " | null" : ""}`;
}

function writeType({ type, is_nullable }: ColumnRow): string {
  return `${typeName(type, "write")}${is_nullable ? " | null" : ""}`;
}

function relationshipText(one: RelationshipRow): string {
  return `{
    foreignKeyName: ${JSON.stringify(one.name)};
    columns: ${JSON.stringify(one.columns)};
    isOneToOne: ${one.is_one_to_one};
    referencedRelation: ${JSON.stringify(one.referenced)};
    referencedColumns: ${JSON.stringify(one.referenced_columns)};
  }`;
}

function isInput({ mode }: ArgumentRow): boolean {
  return mode === "i" || mode === "b" || mode === "v";
}

/** SQL lets every argument be NULL unless the function is strict, and then NULL in gives NULL out. */
function functionText(one: FunctionRow): string {
  const inputs = one.args.filter(isInput).map((arg) =>
    `${arg.name}${arg.has_default ? "?" : ""}: ${typeName(arg.type, "write")}${
      one.is_strict ? "" : " | null"
    };`
  );
  const args = inputs.length === 0 ? "Record<PropertyKey, never>" : `{ ${inputs.join("\n")} }`;
  return `{ Args: ${args}; Returns: ${returnText(one)} }`;
}

function returnText({ args, returns, returns_set }: FunctionRow): string {
  const outputs = args.filter(({ mode }) => mode === "o" || mode === "b" || mode === "t");
  const single = outputs.length > 0 && returns.name === "record"
    ? `{ ${outputs.map(({ name, type }) => `${name}: ${typeName(type, "read")} | null;`).join("\n")} }`
    : typeName(returns, "read");
  if (!returns_set) return single;
  return single.includes("|") && outputs.length === 0 ? `(${single})[]` : `${single}[]`;
}

function enumText({ labels }: EnumRow): string {
  return labels.map((label) => JSON.stringify(label)).join(" | ");
}
