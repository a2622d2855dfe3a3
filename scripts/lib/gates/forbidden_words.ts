import { type Finding, lineAt } from "../gate.ts";
import type { SourceFile } from "../project.ts";

interface WordRule {
  readonly pattern: RegExp;
  readonly message: string;
  /** Files the rule is about; absent: all. */
  readonly scope?: RegExp;
  /** Files in `scope` the rule is not about. */
  readonly except?: RegExp;
}

/** What the project must not say: things that are true on one machine only, and secrets where all can read. */
const WORD_RULES: readonly WordRule[] = [
  { pattern: /(?<![\w.])\/(work|root|home|Users)\//g, message: "A path of one machine." },
  {
    pattern: /(?<![\w.])\/tmp\//g,
    message: "A fixed temporary path: two runs would meet there; use Deno.makeTempDir().",
    scope: /(?<!_test)\.(ts|sql|sh)$/,
  },
  {
    pattern: /\b(registry\.npmjs\.org|npmjs\.org|jsr\.io|deno\.land|esm\.sh|unpkg\.com|jsdelivr\.net)\b/g,
    message: "A registry's host: packages come by their name and version from deno.json.",
  },
  {
    pattern: /(?<![_\w])shared\/(reference|design|conventions|protocol|requirements|accounting|hooks)\b/g,
    message: "A document outside of the project: say it in the project's own words.",
  },
  {
    pattern: /(?<!\.\.\/)(?<![_\w])shared\/data\b/g,
    message: "Test data lies beside the project: the path is ../shared/data.",
  },
  {
    pattern: /\.\.\/shared\/data\b/g,
    message: "Only tests, scripts and the README know of data beside the project.",
    except: /^(tests|scripts)\/|^README\.md$|(_test|\/testing)\.ts$/,
  },
  {
    pattern: /(?<!# )\b(TODO|FIXME|XXX)\b/g,
    message: "Work left to do is an issue, not a comment.",
    scope: /\.(ts|sql|css|html)$/,
  },
  { pattern: /\bsub-?agents?\b|\b[Hh]elper [A-Z]\b/g, message: "The project speaks of itself alone." },
  {
    pattern: /\bDeno\.test\.only\b|\bonly: true\b/g,
    message: "It silences every other test.",
    scope: /_test\.ts$/,
  },
  {
    pattern: /service_role|sb_secret_|SUPABASE_(SECRET|SERVICE_ROLE|DB_URL)/g,
    message:
      "The page runs in the user's browser: it may hold the user's token and the publishable key only.",
    scope: /^dashboard\//,
    except: /_test\.ts$/,
  },
];

/** The table above and the test that plants its words. */
const EXEMPT: ReadonlySet<string> = new Set([
  "scripts/lib/gates/forbidden_words.ts",
  "tests/gates/forbidden_words_test.ts",
]);

/** Words that have no place in the project, wherever they stand. */
export function checkWords(files: readonly SourceFile[]): Finding[] {
  return files.filter(({ path }) => !EXEMPT.has(path)).flatMap((file) =>
    WORD_RULES.filter((rule) => isAbout(rule, file.path)).flatMap(({ pattern, message }) =>
      [...file.text.matchAll(pattern)].map((match) => ({
        path: file.path,
        line: lineAt(file.text, match.index),
        message: `"${match[0]}": ${message}`,
      }))
    )
  );
}

function isAbout({ scope, except }: WordRule, path: string): boolean {
  return (scope?.test(path) ?? true) && !(except?.test(path) ?? false);
}
