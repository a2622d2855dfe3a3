/**
 * Makes a database look like a fresh hosted project: roles, schemas, default privileges, auth tables and helpers,
 * Vault, Realtime. What is done is remembered in the database by a fingerprint of its sources, so a later start
 * costs one query.
 */
import postgres from "postgres";
import { readScript } from "./extensions.ts";

/** Files in `sql/`, in order. A file that is absent is skipped. */
const STEPS = ["roles.sql", "schemas.sql", "auth.sql", "realtime.sql"] as const;

/** Whose tables auth.sql completes. Stands in the fingerprint for a package that is costly to load. */
const AUTH_TABLES_SOURCE = "@supabase/lite@0.10.0";

/** Two programs may start on one database; the second waits and then finds the work done. */
const BOOTSTRAP_LOCK = 7_220_260_101;

const MARKER = "bootstrapped from ";

/** Fingerprints of the sources that a database was made from, by step. */
type Fingerprints = Record<string, string>;

/** Brings the database of the URL to the state of the sources. Needs the superuser; safe to run again. */
export async function bootstrapDatabase(adminUrl: string): Promise<void> {
  const scripts = new Map<string, string>();
  const wanted: Fingerprints = {};
  for (const step of STEPS) {
    const text = await readScript(step);
    if (text === null) continue;
    scripts.set(step, text);
    wanted[step] = await sha256(step === "auth.sql" ? AUTH_TABLES_SOURCE + text : text);
  }
  const sql = postgres(adminUrl, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: "bootstrap" },
  });
  try {
    if (pending(wanted, await done(sql)).length === 0) return;
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`;
      for (const step of pending(wanted, await done(tx))) {
        if (step === "auth.sql") await runStep(tx, "auth tables", await authTables());
        await runStep(tx, step, scripts.get(step)!);
      }
      await tx.unsafe(`comment on schema extensions is '${MARKER}${JSON.stringify(wanted)}'`);
    });
  } finally {
    await sql.end();
  }
}

function pending(wanted: Fingerprints, present: Fingerprints): string[] {
  return Object.keys(wanted).filter((step) => wanted[step] !== present[step]);
}

/** What the database remembers. A comment is copied with a template database, and a migration has no reason to touch it. */
async function done(sql: postgres.ISql): Promise<Fingerprints> {
  const [row] = await sql<{ comment: string | null }[]>`
    select obj_description(to_regnamespace('extensions'), 'pg_namespace') as comment`;
  return row?.comment?.startsWith(MARKER) ? JSON.parse(row.comment.slice(MARKER.length)) : {};
}

async function runStep(sql: postgres.ISql, step: string, text: string): Promise<void> {
  try {
    await sql.unsafe(text).simple();
  } catch (cause) {
    throw new Error(`the database could not be prepared at the step "${step}": ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Loaded only when needed: the package takes a quarter of a second to import. */
async function authTables(): Promise<string> {
  const { getAuthSchemaSql } = await import("@supabase/lite");
  return getAuthSchemaSql(false);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
