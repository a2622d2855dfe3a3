import type { Outcome } from "./outcome.ts";

/**
 * Counts the tests in a JUnit report as `deno test` writes it. Steps are listed as tests named
 * `parent > step`; a parent that failed only because a step did is not counted a second time.
 */
export function countJunit(xml: string): Outcome {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const [, body = ""] of xml.matchAll(/<testcase\b[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (/<skipped\b/.test(body)) skipped += 1;
    else if (/<failure message="\d+ test steps? failed\.?"/.test(body)) continue;
    else if (/<(failure|error)\b/.test(body)) failed += 1;
    else passed += 1;
  }
  return { passed, failed, skipped, report: [] };
}
