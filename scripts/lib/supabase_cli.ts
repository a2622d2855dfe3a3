import { join } from "node:path";
import postgres from "postgres";
import { projectRoot } from "./project.ts";

/** The CLI answers in under two seconds; past this something hangs (a prompt, a lock, a dead server). */
const CLI_DEADLINE_MS = 120_000;

/** Its own home and no notifier: the CLI then talks to the given database and to nobody else, and leaves `~` alone. */
const CLI_ENVIRONMENT = {
  SUPABASE_HOME: `${projectRoot}.fillbase/cli-home`,
  DO_NOT_TRACK: "1",
  SUPABASE_TELEMETRY_DISABLED: "1",
  SUPABASE_NO_UPDATE_NOTIFIER: "1",
};

/** One piece of advice by `supabase db advisors`, as much of it as we use. */
export interface Advice {
  readonly name: string;
  readonly level: "INFO" | "WARN" | "ERROR";
  readonly detail: string;
  /** Names the object too, so it is what an allow list refers to. */
  readonly cacheKey: string;
  readonly metadata?: { readonly schema?: string };
}

/**
 * Runs the pinned Supabase CLI without asking anything and returns its standard output.
 * Throws with everything the CLI printed when it fails or takes longer than two minutes.
 */
export async function runSupabaseCli(args: readonly string[]): Promise<string> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), CLI_DEADLINE_MS);
  await Deno.mkdir(CLI_ENVIRONMENT.SUPABASE_HOME, { recursive: true });
  // The CLI unpacks a library into TMPDIR at every start and leaves it there.
  const tmpDir = await Deno.makeTempDir({ prefix: "supabase-cli-" });
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${projectRoot}node_modules/supabase/dist/supabase.js`, ...args],
    cwd: projectRoot,
    env: { ...CLI_ENVIRONMENT, TMPDIR: tmpDir },
    stdin: "null",
    signal: abort.signal,
  });
  try {
    const { success, code, stdout, stderr } = await command.output();
    const out = new TextDecoder().decode(stdout);
    if (success) return out;
    const reason = abort.signal.aborted ? `no answer within ${CLI_DEADLINE_MS} ms` : `exit code ${code}`;
    const verb = args.filter((arg) => !arg.includes("://")).join(" ");
    throw new Error(`supabase ${verb} failed (${reason}):\n${new TextDecoder().decode(stderr)}${out}`);
  } finally {
    clearTimeout(timer);
    await Deno.remove(tmpDir, { recursive: true });
  }
}

/**
 * Applies the migrations under `<workdir>/supabase/migrations` that the database does not have yet.
 * `url` names a login that is not a superuser, as on a hosted project.
 */
export async function pushMigrations(url: string, workdir: string = projectRoot): Promise<void> {
  if (await hasAllMigrations(url, workdir)) return;
  await runSupabaseCli(["db", "push", "--yes", "--workdir", workdir, "--db-url", withoutTls(url)]);
}

/** Whether the CLI's own record names every migration file: then it need not be started to find nothing to do. */
async function hasAllMigrations(url: string, workdir: string): Promise<boolean> {
  const files = await Array.fromAsync(Deno.readDir(join(workdir, "supabase", "migrations")));
  const versions = files.flatMap(({ name }) => /^(\d+)_.*\.sql$/.exec(name)?.[1] ?? []);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [table] = await sql`select to_regclass('supabase_migrations.schema_migrations') as name`;
    if (!table?.["name"]) return false;
    const rows =
      await sql`select version from supabase_migrations.schema_migrations where version = any (${versions})`;
    return rows.length === versions.length;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What Supabase's own database linter has to say about the database at `url`. */
export async function adviseDatabase(url: string): Promise<Advice[]> {
  const args = ["db", "advisors", "--type", "all", "--level", "info", "--output-format", "json"];
  const answer: unknown = JSON.parse(await runSupabaseCli([...args, "--db-url", withoutTls(url)]));
  if (!isAdvisorAnswer(answer)) throw new Error("supabase db advisors answered in an unknown shape");
  return answer.results;
}

function isAdvisorAnswer(answer: unknown): answer is { results: Advice[] } {
  return typeof answer === "object" && answer !== null && "results" in answer &&
    Array.isArray(answer.results) &&
    answer.results.every((one) => typeof one?.level === "string" && typeof one?.cacheKey === "string");
}

/** The local server speaks no TLS, and the CLI insists on it unless told otherwise. */
function withoutTls(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has("sslmode")) parsed.searchParams.set("sslmode", "disable");
  return parsed.href;
}
