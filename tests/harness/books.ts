/** The books of a database under test. */
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { checkBooks } from "../../scripts/lib/desk.ts";

/** Fails unless every book is zero. */
export async function assertBooks(sql: Sql): Promise<void> {
  const books = await checkBooks(sql);
  assert.deepEqual(Object.entries(books).filter(([, count]) => count !== 0), []);
}
