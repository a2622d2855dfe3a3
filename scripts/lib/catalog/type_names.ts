/** The TypeScript side of a database type, as JSON over the Data API carries it. */
export interface TypeFacts {
  /** Name in `pg_type`, domains already resolved to their base type. */
  readonly name: string;
  readonly schema: string;
  /** `b` base, `c` composite, `e` enum, `p` pseudo. */
  readonly kind: string;
  readonly is_array: boolean;
  /** For a composite type: whether it is a table's row. */
  readonly relation: "table" | "view" | null;
}

const NUMBERS: ReadonlySet<string> = new Set(["int2", "int4", "int8", "float4", "float8", "numeric", "oid"]);
const PLAIN: Readonly<Record<string, string>> = {
  bool: "boolean",
  json: "Json",
  jsonb: "Json",
  void: "undefined",
  record: "Record<string, unknown>",
  trigger: "never",
};

/**
 * Reading and writing differ for `numeric` alone: it arrives as a JSON number, which JavaScript rounds, but
 * may be sent as text, which nobody rounds. So a writer may give `string` too.
 */
export function typeName(type: TypeFacts, direction: "read" | "write", schemas: readonly string[]): string {
  const single = singleName(type, direction, schemas);
  if (!type.is_array) return single;
  return single.includes("|") ? `(${single})[]` : `${single}[]`;
}

function singleName(type: TypeFacts, direction: "read" | "write", schemas: readonly string[]): string {
  if (type.kind === "e" && schemas.includes(type.schema)) {
    return `Database["${type.schema}"]["Enums"]["${type.name}"]`;
  }
  if (type.kind === "c" && schemas.includes(type.schema)) {
    const group = { table: "Tables", view: "Views" }[type.relation ?? "table"];
    return `Database["${type.schema}"]["${group}"]["${type.name}"]["Row"]`;
  }
  if (type.name === "numeric" && direction === "write") return "number | string";
  if (NUMBERS.has(type.name)) return "number";
  return PLAIN[type.name] ?? (type.kind === "p" ? "unknown" : "string");
}
