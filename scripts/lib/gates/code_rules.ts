import type { Finding } from "../gate.ts";
import type { SourceFile } from "../project.ts";
import { type Allowed, withoutAllowed } from "./allow_list.ts";

interface CodeRule {
  readonly scope: RegExp;
  readonly pattern: RegExp;
  readonly message: string;
}

const PURE_CODE = /^supabase\/functions\/_shared\/(domain|app)\/.*(?<!_test)\.ts$/;
const MIGRATIONS = /^supabase\/migrations\/.*\.sql$/;

/** What code about money must not contain: floating point, and a world that a test cannot set. */
export const CODE_RULES: readonly CodeRule[] = [
  {
    scope: PURE_CODE,
    pattern: /\bparseFloat\s*\(|(?<![\w.])Number\s*\(|\.toFixed\s*\(|\.toNumber\s*\(/,
    message: "Floating point: money is a Decimal, and text at the edges.",
  },
  {
    scope: PURE_CODE,
    pattern: /\|\|\s*(0\b|"0"|'0')/,
    message: "A default by || also replaces a zero that was meant; say which absence it is for.",
  },
  {
    scope: PURE_CODE,
    pattern:
      /\bDate\.now\s*\(|\bnew Date\(\)|\bMath\.random\s*\(|\bcrypto\.random|(?<![\w.])fetch\s*\(|\bDeno\./,
    message: "Clock, randomness, network and environment come through a port.",
  },
  {
    scope: MIGRATIONS,
    pattern: /\b(double\s+precision|float[48]?|real)\b/i,
    message: "Floating point: money is numeric, through the domains that refuse NaN and Infinity.",
  },
];

/** `what` is `path: a piece of the line`, so that an exception covers one line and not a file. */
const ALLOWED: readonly Allowed[] = [];

/** Lines that break one of the code rules; comments are not code. */
export function checkCode(files: readonly SourceFile[], allowed: readonly Allowed[] = ALLOWED): Finding[] {
  const lines = new Map<Finding, string>();
  for (const file of files) {
    const rules = CODE_RULES.filter(({ scope }) => scope.test(file.path));
    if (rules.length === 0) continue;
    withoutComments(file).split("\n").forEach((line, index) => {
      for (const { pattern, message } of rules) {
        if (pattern.test(line)) lines.set({ path: file.path, line: index + 1, message }, line);
      }
    });
  }
  return withoutAllowed(
    [...lines.keys()],
    allowed,
    (finding, what) =>
      what.startsWith(`${finding.path}: `) &&
      (lines.get(finding) ?? "").includes(what.slice(finding.path.length + 2)),
    "scripts/lib/gates/code_rules.ts",
  );
}

/** Blanks out comments and keeps the lines. A URL's `//` is not a comment. */
function withoutComments({ path, text }: SourceFile): string {
  const comment = path.endsWith(".sql")
    ? /--[^\n]*|\/\*[\s\S]*?\*\/|^comment on [\s\S]*?;$/gm
    : /(?<!:)\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(comment, (match) => match.replace(/[^\n]/g, " "));
}
