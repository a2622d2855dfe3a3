import { OUR_SCHEMAS } from "../catalog/schemas.ts";
import type { Finding } from "../gate.ts";
import type { Advice } from "../supabase_cli.ts";
import { type Allowed, withoutAllowed } from "./allow_list.ts";

/** Lints that a test of ours replaces, because it sees more. */
const REPLACED_LINTS: ReadonlySet<string> = new Set([
  // supabase/tests/conventions/functions.test.sql also knows of bodies that were bound at creation.
  "function_search_path_mutable",
]);

/** `what` is the advice's cache key, which names the lint and the object. */
const ALLOWED: readonly Allowed[] = [];

/** Schemas that migrations write to; what the platform keeps in its own is the platform's. */
const ADVISED_SCHEMAS: readonly string[] = [...OUR_SCHEMAS, "legacy"];

/** Warnings and errors of Supabase's own linter about what is ours in the migrated database. */
export function checkAdvice(advice: readonly Advice[], allowed: readonly Allowed[] = ALLOWED): Finding[] {
  const ours = advice.filter(({ name, metadata }) =>
    !REPLACED_LINTS.has(name) &&
    (metadata?.schema === undefined || ADVISED_SCHEMAS.includes(metadata.schema))
  );
  const findings = ours.filter(({ level }) => level !== "INFO").map(({ level, detail, cacheKey }) => ({
    path: "supabase db advisors",
    message: `${level} ${cacheKey}: ${detail}`,
  }));
  return withoutAllowed(
    findings,
    allowed,
    ({ message }, what) => message.includes(` ${what}: `),
    "scripts/lib/gates/advisors.ts",
  );
}
