/** One run of a job of pg_cron: a session of its own under the job's role, and its row in `cron.job_run_details`. */
import postgres from "postgres";
import type { Schedule } from "./pg_cron_schedule.ts";

/** A job, as the scheduler reads it. */
export interface Job {
  readonly jobid: string;
  readonly schedule: Schedule;
  readonly command: string;
  readonly database: string;
  readonly username: string;
}

interface Outcome {
  readonly status: "succeeded" | "failed";
  readonly message: string;
}

const END_TIMEOUT_S = 1;
/** Commands whose completion tag ends with a number of rows. */
const COUNTED = new Set(["UPDATE", "DELETE", "MERGE", "COPY", "MOVE", "FETCH"]);

/**
 * Runs the job once and records it. The command goes out as one simple query, so several statements are one
 * transaction. Rejects only when the run cannot be recorded.
 *
 * @param sql connection to the database that holds `cron.job_run_details`
 * @param url superuser's URL of the job's database
 * @param stopping ends the run, as a shutdown of the server would
 */
export async function runJob(
  sql: postgres.Sql,
  url: string,
  job: Job,
  stopping: AbortSignal,
): Promise<void> {
  const [run] = await sql<{ runid: string }[]>`
    insert into cron.job_run_details (jobid, database, username, command, status)
    values (${job.jobid}, ${job.database}, ${job.username}, ${job.command}, 'starting')
    returning runid`;
  const runid = run!.runid;
  const session = postgres(url, {
    max: 1,
    fetch_types: false,
    prepare: false,
    onnotice: () => {},
    connection: { application_name: "pg_cron" },
  });
  let terminate = () => {};
  try {
    const { status, message } = await execute(session, job, async (pid) => {
      stopping.throwIfAborted();
      terminate = () => void sql`select pg_terminate_backend(${pid})`.catch(() => {});
      stopping.addEventListener("abort", terminate);
      await sql`
        update cron.job_run_details set status = 'running', job_pid = ${pid}, start_time = clock_timestamp()
        where runid = ${runid}`;
    });
    await sql`
      update cron.job_run_details
      set status = ${status}, return_message = ${message}, end_time = clock_timestamp(),
        start_time = coalesce(start_time, clock_timestamp())
      where runid = ${runid}`;
  } finally {
    stopping.removeEventListener("abort", terminate);
    await session.end({ timeout: END_TIMEOUT_S });
  }
}

async function execute(
  session: postgres.Sql,
  job: Job,
  onRunning: (pid: number) => Promise<void>,
): Promise<Outcome> {
  try {
    await onRunning(await becomeUser(session, job.username));
    const results = await session.unsafe(job.command).simple();
    return { status: "succeeded", message: completion(results) };
  } catch (error) {
    return { status: "failed", message: `ERROR: ${(error as Error).message}` };
  }
}

/**
 * Turns a superuser's session into one that looks like a login of the role, with the role's settings. It is not
 * proof against a command that resets the session authorization; whoever may schedule jobs here owns the machine.
 */
async function becomeUser(session: postgres.Sql, username: string): Promise<number> {
  const rows = await session<{ pid: number; name: string | null; value: string | null }[]>`
    select pg_backend_pid() as pid, split_part(config, '=', 1) as name,
      substr(config, strpos(config, '=') + 1) as value
    from (select null) as one
    left join pg_catalog.pg_db_role_setting s
      on s.setrole = to_regrole(quote_ident(${username}))
      and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    left join lateral unnest(s.setconfig) as config on true
    order by s.setdatabase`;
  for (const { name, value } of rows) {
    if (name !== null && value !== null) await session`select set_config(${name}, ${value}, false)`;
  }
  await session.unsafe(`set session authorization ${quoteIdentifier(username)}`);
  return rows[0]!.pid;
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The number of rows of a query, else the completion tag of the last statement. */
function completion(results: unknown): string {
  type Result = postgres.RowList<postgres.Row[]>;
  const all = Array.isArray((results as Result[])[0]) ? results as Result[] : [results as Result];
  const last = all.at(-1)!;
  if (last.columns?.length) return `${last.length} ${last.length === 1 ? "row" : "rows"}`;
  if (last.command === "INSERT") return `INSERT 0 ${last.count}`;
  return COUNTED.has(last.command) ? `${last.command} ${last.count}` : last.command ?? "";
}
