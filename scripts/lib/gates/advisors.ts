import type { Finding } from "../gate.ts";
import type { Advice } from "../supabase_cli.ts";
import { type Allowed, withoutAllowed } from "./allow_list.ts";

/** `what` is the advice's cache key, which names the lint and the object. */
const ALLOWED: readonly Allowed[] = [];

/** Warnings and errors of Supabase's own linter about the migrated database. */
export function checkAdvice(advice: readonly Advice[], allowed: readonly Allowed[] = ALLOWED): Finding[] {
  const findings = advice.filter(({ level }) => level !== "INFO").map(({ level, detail, cacheKey }) => ({
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
