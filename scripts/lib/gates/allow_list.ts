import type { Finding } from "../gate.ts";

/** An exception to a rule, with the reason why the rule does not serve here. */
export interface Allowed {
  /** What the exception is for: a path, or the advice of a linter. */
  readonly what: string;
  readonly reason: string;
}

/**
 * Takes out what is allowed and adds a finding for each exception that nothing needs any more: an
 * exception list that only grows hides the next real finding.
 */
export function withoutAllowed(
  findings: readonly Finding[],
  allowed: readonly Allowed[],
  matches: (finding: Finding, what: string) => boolean,
  listPath: string,
): Finding[] {
  const left = findings.filter((finding) => !allowed.some(({ what }) => matches(finding, what)));
  const stale = allowed.filter(({ what }) => !findings.some((finding) => matches(finding, what)));
  return [
    ...left,
    ...stale.map(({ what }) => ({ path: listPath, message: `The exception for "${what}" is not needed.` })),
  ];
}
