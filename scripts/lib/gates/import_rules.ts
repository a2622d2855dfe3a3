import { type Finding, lineAt } from "../gate.ts";
import type { SourceFile } from "../project.ts";

interface ImportRule {
  /** Files under this directory, tests beside the code excepted. The first rule that fits a file is its rule. */
  readonly from: string;
  /** Directories whose modules they may import. */
  readonly to: readonly string[];
  /** Directories of which they may import types only. */
  readonly typesOf?: readonly string[];
  /** Packages and built-ins by the name they are imported by; absent: any. */
  readonly packages?: readonly string[];
}

const SHARED = "supabase/functions/_shared";

/**
 * Who may know whom. The domain is pure, so it can be tested and simulated without a world around it; the
 * simulator knows nothing of ours, so it cannot share a mistake with the code it tests.
 */
export const IMPORT_RULES: readonly ImportRule[] = [
  { from: `${SHARED}/domain`, to: [`${SHARED}/domain`], packages: ["decimal.js"] },
  { from: `${SHARED}/ports`, to: [`${SHARED}/ports`, `${SHARED}/domain`], packages: [] },
  { from: `${SHARED}/contracts`, to: [`${SHARED}/contracts`, `${SHARED}/domain`], packages: ["zod"] },
  {
    from: `${SHARED}/app`,
    to: [`${SHARED}/app`, `${SHARED}/domain`, `${SHARED}/ports`],
    typesOf: [`${SHARED}/contracts`],
    packages: [],
  },
  {
    from: `${SHARED}/adapters`,
    to: [`${SHARED}/adapters`, `${SHARED}/ports`, `${SHARED}/domain`, `${SHARED}/contracts`],
  },
  { from: "supabase/functions", to: ["supabase/functions"] },
  {
    from: "simulator",
    to: ["simulator"],
    packages: [
      "commander",
      "zod",
      ...["node:assert", "node:buffer", "node:crypto", "node:http", "node:net", "node:path"],
    ],
  },
  { from: "dashboard", to: ["dashboard"], packages: ["@supabase/supabase-js"] },
  {
    from: "local/market",
    to: ["local", `${SHARED}/domain`, `${SHARED}/ports`, `${SHARED}/adapters/market`],
  },
  { from: "local", to: ["local"] },
  // Everything but the simulator: what is ours meets it over the network only.
  { from: "scripts", to: ["scripts", "local", "supabase", "tests"] },
];

interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
  readonly line: number;
}

/** Imports that cross a border of the architecture in the wrong direction. */
export function checkImports(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const rule = ruleFor(file.path);
    if (rule === undefined) continue;
    for (const one of importsOf(file.text)) {
      const message = violation(rule, file.path, one);
      if (message !== null) findings.push({ path: file.path, line: one.line, message });
    }
  }
  return findings;
}

function ruleFor(path: string): ImportRule | undefined {
  if (!/\.tsx?$/.test(path) || path.endsWith("_test.ts")) return undefined;
  return IMPORT_RULES.find(({ from }) => path.startsWith(`${from}/`));
}

function violation(rule: ImportRule, path: string, { specifier, isTypeOnly }: Import): string | null {
  if (!specifier.startsWith(".")) {
    if (rule.packages === undefined || rule.packages.includes(packageName(specifier))) return null;
    return `${rule.from} may not import ${specifier}; ${describePackages(rule.packages)}.`;
  }
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  const allowed = isTypeOnly ? [...rule.to, ...rule.typesOf ?? []] : rule.to;
  if (allowed.some((directory) => target.startsWith(`${directory}/`))) return null;
  return `${rule.from} may not import ${target}; it may import ${rule.to.join(", ")}.`;
}

function describePackages(packages: readonly string[]): string {
  return packages.length === 0 ? "it imports no package" : `its packages are ${packages.join(", ")}`;
}

/** `npm:zod@4.6.7` and `zod/mini` are both `zod`. */
function packageName(specifier: string): string {
  const bare = specifier.replace(/^npm:\/?/, "");
  return /^(@[^/]+\/)?[^/@]+/.exec(bare)?.[0] ?? bare;
}

const STATIC_IMPORT = /^[ \t]*(?:import|export)\b(\s+type\b)?[^;"'`]*?["']([^"'\n]+)["']/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*["']([^"'\n]+)["']/g;

function importsOf(text: string): Import[] {
  const imports: Import[] = [];
  for (const match of text.matchAll(STATIC_IMPORT)) {
    if (!/\bfrom\s*["']|import\s*["']/.test(match[0])) continue;
    imports.push({
      specifier: match[2] ?? "",
      isTypeOnly: match[1] !== undefined,
      line: lineAt(text, match.index),
    });
  }
  for (const match of text.matchAll(DYNAMIC_IMPORT)) {
    imports.push({ specifier: match[1] ?? "", isTypeOnly: false, line: lineAt(text, match.index) });
  }
  return imports;
}
