import { type Finding, lineAt } from "../gate.ts";
import type { SourceFile } from "../project.ts";
import { rowsUnder } from "./page_tables.ts";

const MIGRATIONS = "supabase/migrations/";
const PAGE = "docs/operations.md";
/** The function whose list says which alerts the engine ends by itself. */
const ENDS_BY_ITSELF = "trading.ends_by_itself";
/** Ended by the engine in one case and by hand in the other; the row says which. */
const ENDED_BOTH_WAYS: ReadonlySet<string> = new Set(["order_unexplained"]);

interface Raised {
  readonly code: string;
  readonly severities: readonly string[];
  readonly path: string;
  readonly line: number;
}

interface Row {
  readonly code: string;
  readonly severity: string;
  readonly text: string;
  readonly line: number;
}

/**
 * Alerts that the migrations raise and the tables of the operations page do not have, or the other way round; rows with
 * another severity than the alert, or that do not say how it ends.
 */
export function checkAlerts(files: readonly SourceFile[]): Finding[] {
  const migrations = files.filter(({ path }) => path.startsWith(MIGRATIONS));
  const page = files.find(({ path }) => path === PAGE);
  const sql = migrations.map(({ text }) => text).join("\n");
  const raised = migrations.flatMap((file) => raisedIn(file, sql));
  if (page === undefined || raised.length === 0) return [];
  const rows = rowsOf(page.text);
  const ended = endedByEngine(sql);
  const here = (line: number, message: string): Finding => ({ path: PAGE, line, message });
  const unknown = raised.filter(({ code }) => !rows.some((row) => row.code === code))
    .map(({ code, path, line }) => ({ path, line, message: `No table of ${PAGE} has the alert ${code}.` }));
  return [
    ...unknown,
    ...rows.flatMap((row) => {
      const calls = raised.filter(({ code }) => code === row.code);
      if (calls.length === 0) return [here(row.line, `Nothing raises the alert ${row.code}.`)];
      const wrong = calls.filter(({ severities }) => !severities.includes(row.severity));
      return [
        ...wrong.map(({ severities }) =>
          here(row.line, `${row.code} is ${severities.join(" or ")}, not ${row.severity}.`)
        ),
        ...endComplaints(row, ended).map((message) => here(row.line, message)),
      ];
    }),
  ];
}

function endComplaints({ code, text }: Row, ended: ReadonlySet<string>): string[] {
  const byHand = text.includes("resolve by hand");
  if (!byHand && !/\b(resolved|ended) (by|when|after|once|with)\b/.test(text)) {
    return [`${code}: the row does not say how the alert ends.`];
  }
  return byHand && ended.has(code) && !ENDED_BOTH_WAYS.has(code)
    ? [`${code}: the engine resolves it, nobody can by hand.`]
    : [];
}

/** Every call of `trading.raise_alert` with the codes that it may raise. */
function raisedIn({ path, text }: SourceFile, sql: string): Raised[] {
  return [...text.matchAll(/(?<!function )\btrading\.raise_alert\(/g)].flatMap(({ index, 0: call }) => {
    const [, severity = "", code = ""] = argumentsAt(text, index + call.length);
    const fact = { path, line: lineAt(text, index), severities: severitiesIn(severity) };
    return codesOf(code, text.slice(0, index), sql).map((code) => ({ ...fact, code }));
  });
}

/** A literal; a prefix, whose rest the tables write as `<code>`; or a parameter, whose values the column has that it is stored in. */
function codesOf(expression: string, before: string, sql: string): string[] {
  const literal = /^'([a-z_]+)'$/.exec(expression)?.[1];
  if (literal !== undefined) return [literal];
  const prefix = /^'([a-z_]+:)' \|\|/.exec(expression)?.[1];
  if (prefix !== undefined) return [`${prefix}<code>`];
  const column = expression.replace(/^p_/, "");
  const table = [...before.matchAll(/insert into (trading\.\w+)/g)].at(-1)?.[1];
  const values = allowedValues(sql, table, column);
  return values.length > 0
    ? values
    : [`${expression}, which is no literal and stored in no column with a list of values`];
}

function allowedValues(sql: string, table: string | undefined, column: string): string[] {
  const definition = new RegExp(`create table ${table} \\(([\\s\\S]*?)\\n\\);`).exec(sql)?.[1] ?? "";
  const list =
    new RegExp(`\\b${column}\\s+text not null check \\(${column} in \\(([^)]*)\\)`).exec(definition)?.[1] ??
      "";
  return literalsOf(list);
}

function severitiesIn(expression: string): string[] {
  return literalsOf(expression.replaceAll(/\bwhen '[^']*'/g, ""));
}

function literalsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'/g)].map(([, literal]) => literal!);
}

/** The arguments of a call whose bracket ends before `at`. */
function argumentsAt(text: string, at: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let isQuoted = false;
  for (let index = at, from = at; index < text.length; index++) {
    const char = text[index]!;
    if (char === "'") isQuoted = !isQuoted;
    if (isQuoted) continue;
    const isEnd = char === ")" && depth === 0;
    if ((char === "," && depth === 0) || isEnd) {
      found.push(text.slice(from, index).trim());
      from = index + 1;
      if (isEnd) return found;
    }
    if (char === "(") depth++;
    if (char === ")") depth--;
  }
  return found;
}

/** One for each alert; a row of the tables may have several. */
function rowsOf(page: string): Row[] {
  return rowsUnder(page, "alert").flatMap(({ names, cells, text, line }) =>
    names.map((code) => ({ code, severity: cells[1] ?? "", text, line }))
  );
}

function endedByEngine(sql: string): ReadonlySet<string> {
  const body = sql.split(`create function ${ENDS_BY_ITSELF}(`)[1]?.split(";")[0] ?? "";
  return new Set(literalsOf(body));
}
