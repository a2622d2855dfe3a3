import postgres from "postgres";
import { projectRoot } from "../../scripts/lib/project.ts";
import { failure, type Outcome } from "../../scripts/lib/outcome.ts";
import { judgeTap } from "../../scripts/lib/tap.ts";
import type { ClusterCoordinates } from "./cluster.ts";
import { cloneTemplate, type TestDatabase } from "./database.ts";

/** Where files whose names start with `_` hold the helpers, loaded in the order of their names. */
const TESTS_DIR = "supabase/tests";
/** First line of a file that commits, or changes what a rollback does not undo. */
const OWN_DATABASE_MARKER = "-- own database";
/** A single statement of a catalogue or command test takes milliseconds; a minute means a lock nobody releases. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Runs pgTAP files. A file runs inside a transaction that is rolled back, on a clone that it shares with
 * the files before it; a file whose first line is `-- own database` gets a clone for itself and may commit.
 * Two files never use one clone at the same time, so `run` may be called in parallel.
 */
export class PgTapRunner implements AsyncDisposable {
  readonly #cluster: () => Promise<ClusterCoordinates>;
  readonly #idle: TestDatabase[] = [];
  readonly #all: TestDatabase[] = [];

  constructor(cluster: () => Promise<ClusterCoordinates>) {
    this.#cluster = cluster;
  }

  /** `path` is relative to the project. SQL errors are an outcome; it throws only when the server is gone. */
  async run(path: string): Promise<Outcome> {
    return await this.runText(await Deno.readTextFile(projectRoot + path));
  }

  /** As `run`, for the text of a file. */
  async runText(text: string): Promise<Outcome> {
    if (text.startsWith(OWN_DATABASE_MARKER)) {
      await using database = await this.#prepare();
      return judgeTap(await runSql(database.url, text));
    }
    if (/^\s*commit\b/im.test(text)) {
      return failure(`A file that commits must begin with the line "${OWN_DATABASE_MARKER}".`);
    }
    const database = this.#idle.pop() ?? await this.#prepareShared();
    try {
      return await runRolledBack(database.url, text);
    } finally {
      this.#idle.push(database);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((database) => database.drop()));
  }

  async #prepareShared(): Promise<TestDatabase> {
    const database = await this.#prepare();
    this.#all.push(database);
    return database;
  }

  async #prepare(): Promise<TestDatabase> {
    const database = await cloneTemplate(await this.#cluster(), "pgtap");
    try {
      await loadHelpers(database.url);
      return database;
    } catch (error) {
      await database.drop();
      throw error;
    }
  }
}

/** Runs a pgTAP file's text on a prepared database, in a transaction that is rolled back. */
export async function runRolledBack(url: string, text: string): Promise<Outcome> {
  return judgeTap(await runSql(url, `begin;${text}\n;rollback;`));
}

/** Gives a database pgTAP and the helpers of `supabase/tests/_*.sql`. */
export async function loadHelpers(url: string): Promise<void> {
  const names = [...Deno.readDirSync(projectRoot + TESTS_DIR)].map(({ name }) => name);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe("create extension if not exists pgtap with schema extensions");
    for (const name of names.filter((it) => /^_.*\.sql$/.test(it)).sort()) {
      const helpers = await Deno.readTextFile(`${projectRoot}${TESTS_DIR}/${name}`);
      await sql.unsafe(helpers).simple().catch((error) => {
        throw new Error(`Loading ${name} failed: ${describe(error, helpers)}`, { cause: error });
      });
    }
  } finally {
    await sql.end();
  }
}

/**
 * Everything the file printed, line by line. `forEach` hands over rows as they arrive, so what came before
 * an error is kept; awaiting the query would lose it.
 */
async function runSql(url: string, text: string): Promise<string[]> {
  const lines: string[] = [];
  const sql = postgres(url, {
    max: 1,
    onnotice: (notice) =>
      lines.push(...`${notice.severity}: ${notice.message}`.split("\n").map((it) => `# ${it}`)),
    connection: { statement_timeout: STATEMENT_TIMEOUT_MS, client_min_messages: "warning" },
  });
  try {
    await sql.unsafe(text).simple().forEach((row: postgres.Row) => {
      for (const value of Object.values(row)) lines.push(...String(value ?? "").split("\n"));
    });
  } catch (error) {
    lines.push(`Bail out! ${describe(error, text)}`);
  } finally {
    await sql.end();
  }
  return lines;
}

/** One line: a bail out ends at the first line break. */
function describe(error: unknown, text: string): string {
  if (!(error instanceof postgres.PostgresError)) return String(error);
  const line = error.position ? `line ${text.slice(0, Number(error.position)).split("\n").length}: ` : "";
  const more = [error.detail, error.hint, error.where].filter(Boolean).join(" | ");
  return `${line}${error.code} ${error.message}${more ? ` | ${more}` : ""}`.replaceAll("\n", " ");
}
