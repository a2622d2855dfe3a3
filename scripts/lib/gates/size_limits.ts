import { type Finding, lineAt } from "../gate.ts";
import { GENERATED_FILES, type SourceFile } from "../project.ts";
import { type Allowed, withoutAllowed } from "./allow_list.ts";

/** Lines of a file: what one sitting can read. Each project with a giant file has its known pain in it. */
export const FILE_LINES_MAX = 350;
/** Lines of a function, from `create function` or `function` to its end: what a screen shows. */
export const FUNCTION_LINES_MAX = 70;

/** `what` is a path, or `path: function` for a single SQL function. */
const ALLOWED: readonly Allowed[] = [];

/**
 * Files and SQL functions that are too long. Functions in TypeScript are measured by the lint plugin
 * (`scripts/lib/lint_plugin.ts`), which sees the syntax and not only text.
 */
export function checkSizes(files: readonly SourceFile[], allowed: readonly Allowed[] = ALLOWED): Finding[] {
  const findings = files
    .filter(({ path }) => /\.(ts|tsx|sql)$/.test(path) && !GENERATED_FILES.has(path))
    .flatMap((file) => [...fileFindings(file), ...functionFindings(file)]);
  return withoutAllowed(
    findings,
    allowed,
    ({ path, message }, what) => what === path || message.startsWith(`${what.slice(path.length + 2)} has`),
    "scripts/lib/gates/size_limits.ts",
  );
}

function fileFindings({ path, text }: SourceFile): Finding[] {
  const lines = lineCount(text);
  return lines > FILE_LINES_MAX
    ? [{ path, message: `The file has ${lines} lines; ${FILE_LINES_MAX} at most.` }]
    : [];
}

const SQL_FUNCTION =
  /create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w."]+)(?:(?!\bcreate\s)[\s\S])*?\bas\s+(\$\w*\$)[\s\S]*?\2/gi;

function functionFindings({ path, text }: SourceFile): Finding[] {
  if (!path.endsWith(".sql")) return [];
  return [...text.matchAll(SQL_FUNCTION)].flatMap((match) => {
    const lines = lineCount(match[0]);
    if (lines <= FUNCTION_LINES_MAX) return [];
    const message = `${match[1]} has ${lines} lines; ${FUNCTION_LINES_MAX} at most.`;
    return [{ path, line: lineAt(text, match.index), message }];
  });
}

function lineCount(text: string): number {
  return text.replace(/\n$/, "").split("\n").length;
}
