/**
 * The scheduler of the stand-in extension pg_cron (its tables and functions are in sql/cron.sql). It follows the jobs of
 * one database, never runs a job twice at a time, and starts a run that came due meanwhile as soon as the one before
 * has ended.
 */
import postgres from "postgres";
import { listen } from "./listener.ts";
import { type Job, runJob } from "./pg_cron_run.ts";
import { isDue, nextMinute, type Schedule } from "./pg_cron_schedule.ts";

/** Settings of the scheduler. */
export interface PgCronOptions {
  /** Clock of the calendar schedules, in milliseconds since 1970. */
  now?: () => number;
  /** Receives failures of the scheduler itself; failures of jobs are rows. */
  log?: (line: string) => void;
}

const NAME = "pg_cron scheduler";
const MAX_RUNNING_JOBS = 32;
const END_TIMEOUT_S = 1;
const RETRY_DELAY_MS = 1_000;

/** Starts the scheduler on one database. It waits in peace for the extension to be created. */
export async function startPgCron(
  adminUrl: string,
  options: PgCronOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const scheduler = new Scheduler(adminUrl, { now: Date.now, log: () => {}, ...options });
  const listener = listen(adminUrl, NAME, "pg_cron", {
    onListening: () => scheduler.reload({ isFresh: true }),
    onNotice: () => scheduler.reload({ isFresh: false }),
  });
  await listener.ready;
  return {
    async stop() {
      await Promise.all([listener.stop(), scheduler.stop()]);
    },
  };
}

type Timer = ReturnType<typeof setTimeout>;

/** A job and where it stands. */
interface Task {
  job: Job;
  timer: Timer | undefined;
  isRunning: boolean;
  /** Came due while it was running, or while too many others were. However often: one run makes up for it. */
  isPending: boolean;
}

class Scheduler {
  readonly #url: string;
  readonly #options: Required<PgCronOptions>;
  #sql: postgres.Sql;
  readonly #tasks = new Map<string, Task>();
  readonly #runs = new Set<Promise<void>>();
  #reloading: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  readonly #stopping = new AbortController();
  #hasBooted = false;

  constructor(url: string, options: Required<PgCronOptions>) {
    this.#url = url;
    this.#options = options;
    this.#sql = this.#connect();
  }

  #connect(): postgres.Sql {
    return postgres(this.#url, {
      max: 2,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: NAME },
    });
  }

  /** Reads the jobs again, one reading after the other. A fresh connection also settles what a crash left behind. */
  reload({ isFresh }: { isFresh: boolean }): void {
    this.#reloading = this.#reloading.then(async () => {
      if (this.#stopping.signal.aborted) return;
      try {
        if (isFresh) await this.#reconnect();
        const jobs = await readJobs(this.#sql);
        if (isFresh && jobs !== null) await this.#failInterrupted();
        this.#adopt(jobs ?? []);
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#retryLater(error as Error, isFresh);
      }
    });
  }

  /** Ends the runs under way, too: whoever sleeps between two steps would hold up the end for long. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#retry);
    for (const task of this.#tasks.values()) clearTimeout(task.timer);
    await this.#reloading;
    await this.#sql.end({ timeout: END_TIMEOUT_S });
    await Promise.all(this.#runs);
  }

  #retryLater(error: Error, isFresh: boolean): void {
    this.#options.log(`pg_cron cannot read its jobs: ${error.message}`);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.reload({ isFresh }), RETRY_DELAY_MS);
  }

  /** Connections that the server dropped are not worth keeping: the driver may wait on one for ever. */
  async #reconnect(): Promise<void> {
    const old = this.#sql;
    this.#sql = this.#connect();
    await old.end({ timeout: 0 });
  }

  async #failInterrupted(): Promise<void> {
    await this.#sql`
      update cron.job_run_details d
      set status = 'failed', return_message = 'server restarted', end_time = clock_timestamp()
      where status in ('starting', 'running')
        and not exists (select from pg_catalog.pg_stat_activity a where a.pid = d.job_pid)`;
  }

  #adopt(jobs: readonly Job[]): void {
    const isBoot = !this.#hasBooted;
    this.#hasBooted = true;
    const wanted = new Map(jobs.map((job) => [job.jobid, job]));
    for (const [jobid, task] of this.#tasks) {
      if (wanted.has(jobid)) continue;
      clearTimeout(task.timer);
      this.#tasks.delete(jobid);
    }
    for (const job of jobs) {
      const known = this.#tasks.get(job.jobid);
      const task = known ?? { job, timer: undefined, isRunning: false, isPending: false };
      const isSameSchedule = known !== undefined && sameSchedule(known.job.schedule, job.schedule);
      task.job = job;
      this.#tasks.set(job.jobid, task);
      if (!isSameSchedule) this.#arm(task);
      if (isBoot && job.schedule.kind === "reboot") this.#due(task);
    }
  }

  /** Sets the timer for the next time the job may be due. */
  #arm(task: Task): void {
    clearTimeout(task.timer);
    const { schedule } = task.job;
    if (schedule.kind === "interval") {
      task.timer = setTimeout(() => this.#due(task), schedule.seconds * 1000);
    } else if (schedule.kind === "calendar") {
      const now = this.#options.now();
      const minute = nextMinute(now);
      task.timer = setTimeout(() => {
        this.#arm(task);
        if (isDue(schedule, minute)) this.#due(task);
      }, minute - now);
    }
  }

  #due(task: Task): void {
    if (this.#stopping.signal.aborted) return;
    task.isPending = true;
    this.#startPending();
  }

  #startPending(): void {
    for (const task of this.#tasks.values()) {
      if (this.#runs.size >= MAX_RUNNING_JOBS) return;
      if (!task.isPending || task.isRunning) continue;
      task.isPending = false;
      task.isRunning = true;
      // An interval counts from the start of a run, so the next one comes due while this one may still run.
      if (task.job.schedule.kind === "interval") this.#arm(task);
      const running = this.#run(task).finally(() => {
        this.#runs.delete(running);
        task.isRunning = false;
        if (!this.#stopping.signal.aborted) this.#startPending();
      });
      this.#runs.add(running);
    }
  }

  async #run(task: Task): Promise<void> {
    const url = new URL(this.#url);
    url.pathname = `/${encodeURIComponent(task.job.database)}`;
    try {
      await runJob(this.#sql, url.href, task.job, this.#stopping.signal);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#options.log(`pg_cron cannot record a run of job ${task.job.jobid}: ${(error as Error).message}`);
      this.reload({ isFresh: false });
    }
  }
}

/** The active jobs, or null while the extension does not exist. */
async function readJobs(sql: postgres.Sql): Promise<Job[] | null> {
  const [row] = await sql<{ exists: boolean }[]>`
    select exists (select from pg_catalog.pg_extension where extname = 'pg_cron')`;
  if (!row?.exists) return null;
  return await sql<Job[]>`
    select jobid, cron._parse_schedule(schedule) as schedule, command, database, username
    from cron.job
    where active and cron._parse_schedule(schedule) is not null`;
}

function sameSchedule(one: Schedule, other: Schedule): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
