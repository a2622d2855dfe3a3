/**
 * Makes a database look like a fresh hosted project: roles, schemas, default privileges, auth tables and helpers,
 * Vault, Realtime. What is done is remembered in the database by a fingerprint of its sources, so a later start
 * costs one query.
 */
import postgres from "postgres";
import { readScript } from "./extensions.ts";

/** Steps in order. `auth tables` comes from the auth server that will use them; the others are files in `sql/`. */
const STEPS = ["roles.sql", "schemas.sql", "auth tables", "auth.sql", "realtime.sql"] as const;

/** Part of the fingerprint in place of the package's text, which is costly to load. Change it with the dependency. */
const AUTH_TABLES_SOURCE = "@supabase/lite@0.10.0";

/** Two programs may start on one database; the second waits and then finds the work done. */
const BOOTSTRAP_LOCK = 7_220_260_101;

/** Brings the database of the URL to the state of the sources. Needs the superuser; safe to run again. */
export async function bootstrapDatabase(adminUrl: string): Promise<void> {
  const scripts = new Map<string, string | null>();
  for (const step of STEPS) {
    scripts.set(step, step === "auth tables" ? AUTH_TABLES_SOURCE : await readScript(step));
  }
  const fingerprint = `bootstrap ${await sha256([...scripts.values()].join("\0"))}`;
  const sql = postgres(adminUrl, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: "bootstrap" },
  });
  try {
    if (await isDone(sql, fingerprint)) return;
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`;
      if (await isDone(tx, fingerprint)) return;
      for (const [step, script] of scripts) {
        const text = step === "auth tables" ? await authTables() : script;
        if (text !== null) await runStep(tx, step, text);
      }
      await tx.unsafe(`comment on schema extensions is '${fingerprint}'`);
    });
  } finally {
    await sql.end();
  }
}

async function isDone(sql: postgres.ISql, fingerprint: string): Promise<boolean> {
  const [row] = await sql<{ comment: string | null }[]>`
    select obj_description(to_regnamespace('extensions'), 'pg_namespace') as comment`;
  return row?.comment === fingerprint;
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
