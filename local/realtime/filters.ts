/** The `postgres_changes` part of a join: which changes of which tables, and under which conditions. */

/** One condition on a column; `value` is text in the column's input syntax (an array literal for `in`). */
export interface Filter {
  readonly column: string;
  readonly op: string;
  readonly value: string;
  readonly negate: boolean;
}

/** What a client asks to hear of; `*` stands for any event, schema or table. */
export interface ChangeInterest {
  readonly event: "*" | "INSERT" | "UPDATE" | "DELETE";
  readonly schema: string;
  readonly table: string;
  readonly filters: readonly Filter[];
  /** Columns wanted besides the key; null for all. */
  readonly select: readonly string[] | null;
}

const OPERATORS = new Set(
  ["eq", "neq", "lt", "lte", "gt", "gte", "in", "like", "ilike", "is", "match", "imatch", "isdistinct"],
);

/** Reads one entry of a join's `postgres_changes`; a text says what is wrong with it. */
export function parseInterest(entry: unknown): ChangeInterest | string {
  const params = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  const { event, schema, table, filter, select } = params;
  if (typeof schema !== "string" && typeof table !== "string") {
    const shown = JSON.stringify(entry);
    return "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: " +
      shown;
  }
  if (typeof filter === "string" && (typeof schema !== "string" || typeof table !== "string")) {
    return "Error parsing `filter` params: a filter needs a `schema` and a `table`";
  }
  const filters = parseFilters(typeof filter === "string" ? filter : "");
  if (typeof filters === "string") return filters;
  const columns = Array.isArray(select) ? select.filter((name) => typeof name === "string") : [];
  return {
    event: parseEvent(event),
    schema: typeof schema === "string" ? schema : "public",
    table: typeof table === "string" ? table : "*",
    filters,
    select: columns.length > 0 ? columns : null,
  };
}

/** Reads `column=op.value,column=not.op.value`; all conditions must hold. */
export function parseFilters(text: string): readonly Filter[] | string {
  if (text.trim() === "") return [];
  const filters: Filter[] = [];
  for (const segment of splitTopLevel(text.trim())) {
    const filter = parseFilter(segment);
    if (filter === null) return `Error parsing \`filter\` params: ${JSON.stringify(segment)}`;
    filters.push(filter);
  }
  return filters;
}

function parseFilter(segment: string): Filter | null {
  const parts = /^([^=]+)=(not\.)?([a-z]+)\.(.*)$/s.exec(segment);
  if (parts === null) return null;
  const [, column, not, op, raw] = parts as unknown as [string, string, string | undefined, string, string];
  const value = parseValue(op, raw);
  if (!OPERATORS.has(op) || value === null) return null;
  return { column: column.trim(), op, value, negate: not !== undefined };
}

function parseValue(op: string, raw: string): string | null {
  if (op === "in") return /^\(.*\)$/s.test(raw) ? `{${raw.slice(1, -1)}}` : null;
  return /^".*"$/s.test(raw) ? raw.slice(1, -1).replace(/\\(.)/gs, "$1") : raw;
}

function parseEvent(event: unknown): ChangeInterest["event"] {
  const name = typeof event === "string" ? event.toUpperCase() : "*";
  return name === "INSERT" || name === "UPDATE" || name === "DELETE" ? name : "*";
}

/** Splits at commas that stand neither in parentheses nor in a quoted value. */
function splitTopLevel(text: string): string[] {
  const segments: string[] = [];
  let [current, depth, isQuoted, previous] = ["", 0, false, ""];
  for (const char of text) {
    if (isQuoted) isQuoted = char !== '"' || previous === "\\";
    else if (char === '"') isQuoted = [".", "(", ","].includes(previous);
    else if (char === "(") depth++;
    else if (char === ")") depth = Math.max(0, depth - 1);
    if (char === "," && depth === 0 && !isQuoted) {
      segments.push(current);
      current = "";
    } else current += char;
    previous = isQuoted && previous === "\\" ? "" : char;
  }
  return [...segments, current];
}
