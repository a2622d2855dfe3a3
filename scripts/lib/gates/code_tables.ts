import { type Finding, lineAt } from "../gate.ts";
import type { SourceFile } from "../project.ts";
import { rowsUnder, type TableRow } from "./page_tables.ts";

const MIGRATIONS = "supabase/migrations/";
const PAGE = "docs/operations.md";

/** A code in a migration; `state` is the SQLSTATE that an error has, empty for a wait. */
interface Code {
  readonly code: string;
  readonly state: string;
  readonly path: string;
  readonly line: number;
}

/** A kind of code: what raises it, and the head of the tables that have it. */
interface Kind {
  readonly name: "error" | "wait";
  readonly pattern: RegExp;
}

/** `p_what || '_not_found'` stands in the tables as `<what>_not_found`; a wait with a code of the venue's is not in the list. */
const KINDS: readonly Kind[] = [
  {
    name: "error",
    pattern: /\btrading\.raise_error\('(?<state>FB\d{3})', (?:p_(?<name>\w+) \|\| )?'(?<code>\w+)'/g,
  },
  { name: "error", pattern: /errcode = '(?<state>FB\d{3})',\s+message = format\('(?<code>\w+): /g },
  { name: "wait", pattern: /\btrading\.wait_for\('(?<code>\w+)'/g },
];

/**
 * Codes that errors of the migrations have, or that jobs wait with, and that no table of the operations page has, or the
 * other way round; and errors under another SQLSTATE.
 */
export function checkCodes(files: readonly SourceFile[]): Finding[] {
  const page = files.find(({ path }) => path === PAGE);
  const migrations = files.filter(({ path }) => path.startsWith(MIGRATIONS));
  if (page === undefined || migrations.length === 0) return [];
  return (["error", "wait"] as const).flatMap((name) => {
    const patterns = KINDS.filter((kind) => kind.name === name).map(({ pattern }) => pattern);
    return compare(
      name,
      migrations.flatMap((file) => codesIn(file, patterns)),
      rowsUnder(page.text, name),
    );
  });
}

function compare(name: Kind["name"], codes: readonly Code[], rows: readonly TableRow[]): Finding[] {
  const isRow = (code: Code) =>
    rows.some(({ names, cells }) =>
      names.includes(code.code) && (code.state === "" || cells[1] === code.state)
    );
  const missing = codes.filter((code) => !isRow(code)).map(({ code, state, path, line }) => ({
    path,
    line,
    message: `No table of ${PAGE} has the ${name} ${[code, state].join(" ").trim()}.`,
  }));
  const bygone = rows.flatMap(({ names, line }) =>
    names.filter((row) => !codes.some(({ code }) => code === row))
      .map((row) => ({ path: PAGE, line, message: `No migration has the ${name} ${row}.` }))
  );
  return [...missing, ...bygone];
}

function codesIn({ path, text }: SourceFile, patterns: readonly RegExp[]): Code[] {
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(({ index, groups = {} }) => ({
      code: groups["name"] === undefined ? groups["code"]! : `<${groups["name"]}>${groups["code"]}`,
      state: groups["state"] ?? "",
      path,
      line: lineAt(text, index),
    }))
  );
}
