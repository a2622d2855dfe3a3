import assert from "node:assert/strict";
import type postgres from "postgres";
import { startPgCron } from "./pg_cron.ts";
import { nextMinute } from "./pg_cron_schedule.ts";
import { eventually, type TestCluster, withCluster } from "./testing.ts";

async function withScheduler(
  body: (cluster: TestCluster) => Promise<void>,
  options: Parameters<typeof startPgCron>[1] = {},
): Promise<void> {
  await withCluster(async (cluster) => {
    const scheduler = await startPgCron(cluster.pg.adminUrl, options);
    try {
      await cluster.sql`create extension if not exists pg_cron`;
      await body(cluster);
    } finally {
      await scheduler.stop();
    }
  });
}

/** Waits until the job has this many finished runs and returns them, oldest first. */
async function runs(sql: postgres.Sql, jobid: string, count: number): Promise<postgres.Row[]> {
  return await eventually(`run ${count} of job ${jobid}`, async () => {
    const rows = await sql`
      select *, extract(epoch from start_time)::float8 as start_s, extract(epoch from end_time)::float8 as end_s
      from cron.job_run_details where jobid = ${jobid} and end_time is not null order by runid`;
    return rows.length >= count ? rows : null;
  });
}

async function schedule(sql: postgres.Sql, name: string, when: string, command: string): Promise<string> {
  const [row] = await sql`select cron.schedule(${name}, ${when}, ${command}) as id`;
  return row!.id;
}

Deno.test("pg_cron runs jobs", (t) =>
  withScheduler(async (cluster) => {
    const { sql, admin, pg, dataDir } = cluster;
    await sql`create table public.ticks (who text, path text, at timestamptz default clock_timestamp())`;

    await t.step("every second, as the role that scheduled it, with that role's settings", async () => {
      const id = await schedule(
        sql,
        "tick",
        "1 seconds",
        "insert into ticks select current_user || '/' || session_user, current_setting('search_path')",
      );
      const rows = await runs(sql, id, 3);
      for (let n = 1; n < rows.length; n++) {
        const gap = rows[n]!.start_s - rows[n - 1]!.start_s;
        assert.ok(gap > 0.9 && gap < 1.8, `${gap} s between two runs`);
      }
      const { status, return_message, username, database, command, job_pid } = rows[0]!;
      assert.deepEqual([status, return_message, username, database], [
        "succeeded",
        "INSERT 0 1",
        "postgres",
        "postgres",
      ]);
      assert.ok(command.startsWith("insert into ticks") && job_pid > 0);
      const [tick] = await sql`select who, path from public.ticks`;
      assert.deepEqual([tick!.who, tick!.path], ["postgres/postgres", '"$user", public, extensions']);
      await sql`select cron.unschedule('tick')`;
    });

    await t.step("an unscheduled job does not run again", async () => {
      const id = await schedule(sql, "short", "1 second", "select 1");
      await runs(sql, id, 1);
      await sql`select cron.unschedule(${id}::bigint)`;
      const marker = await schedule(sql, "marker", "1 second", "select 1");
      const before = (await runs(sql, id, 1)).length;
      await runs(sql, marker, 2);
      assert.ok((await runs(sql, id, 1)).length <= before + 1);
      await sql`select cron.unschedule('marker')`;
    });

    await t.step(
      "a job that takes longer than its interval never overlaps itself and starts again at once",
      async () => {
        const id = await schedule(sql, "slow", "1 second", "select pg_sleep(1.4)");
        const rows = await runs(sql, id, 3);
        for (let n = 1; n < rows.length; n++) {
          const pause = rows[n]!.start_s - rows[n - 1]!.end_s;
          assert.ok(pause >= 0 && pause < 0.5, `${pause} s between end and start`);
        }
        assert.equal(rows[0]!.return_message, "1 row");
        await sql`select cron.unschedule('slow')`;
      },
    );

    await t.step(
      "a command of several statements is one transaction, and a failing job is tried again",
      async () => {
        await sql`create table public.half_done (n int)`;
        const id = await schedule(sql, "half", "1 second", "insert into half_done values (1); select 1/0");
        const rows = await runs(sql, id, 2);
        assert.deepEqual([rows[1]!.status, rows[1]!.return_message], ["failed", "ERROR: division by zero"]);
        assert.equal((await sql`select from public.half_done`).length, 0);
        await sql`select cron.unschedule('half')`;
      },
    );

    await t.step("what one run sets in its session is gone in the next", async () => {
      const id = await schedule(sql, "session", "1 second", "create temp table once (n int)");
      const rows = await runs(sql, id, 2);
      assert.deepEqual(rows.map(({ status }) => status).slice(0, 2), ["succeeded", "succeeded"]);
      await sql`select cron.unschedule('session')`;
    });

    await t.step("an inactive job rests and a changed one follows its new schedule and command", async () => {
      const id = await schedule(sql, "changed", "59 seconds", "select 'old'");
      await sql`select cron.alter_job(${id}, active => false)`;
      await sql`select cron.alter_job(${id}, schedule => '1 second', command => 'select ''new''')`;
      const marker = await schedule(sql, "marker", "1 second", "select 1");
      await runs(sql, marker, 2);
      assert.equal((await sql`select from cron.job_run_details where jobid = ${id}`).length, 0);
      await sql`select cron.alter_job(${id}, active => true)`;
      assert.equal((await runs(sql, id, 1))[0]!.command, "select 'new'");
      await sql`select cron.unschedule(jobid) from cron.job`;
    });

    await t.step(
      "after kill -9 of the server the jobs go on and an interrupted run is told as failed",
      async () => {
        const long = await schedule(sql, "long", "1 second", "select pg_sleep(30)");
        const tick = await schedule(sql, "tick", "1 second", "select 1");
        const [running] = await eventually("a long run", async () => {
          const rows =
            await sql`select runid from cron.job_run_details where jobid = ${long} and status = 'running'`;
          return rows.length > 0 ? rows : null;
        });
        const before = (await runs(sql, tick, 1)).length;
        const restarted = Promise.withResolvers<void>();
        pg.onRestart(restarted.resolve);
        Deno.kill(
          Number((await Deno.readTextFile(`${dataDir}/cluster/postmaster.pid`)).split("\n")[0]),
          "SIGKILL",
        );
        await restarted.promise;
        await eventually("a run after the restart", async () => {
          const rows = await admin`select status from cron.job_run_details where runid = ${running!.runid}`
            .catch(() => []);
          return rows[0]?.status === "failed" ? true : null;
        });
        await eventually(
          "the next tick",
          async () => (await runs(sql, tick, 1).catch(() => [])).length > before ? true : null,
        );
      },
    );
  }));

Deno.test("pg_cron runs a calendar schedule when the minute begins", async () => {
  const untilMinuteMs = 300;
  let offset = 0;
  await withScheduler(async ({ sql }) => {
    offset = nextMinute(Date.now()) - untilMinuteMs - Date.now();
    const due = await schedule(sql, "each minute", "* * * * *", "select 1");
    await runs(sql, due, 1);
  }, { now: () => Date.now() + offset });
});

Deno.test("pg_cron keeps its books", async (t) => {
  await withCluster(async ({ sql, admin }) => {
    await sql`create extension pg_cron`;

    await t.step("a name scheduled again keeps its id and takes the new schedule and command", async () => {
      const first = await schedule(sql, "report", "0 3 * * *", "select 1");
      assert.equal(await schedule(sql, "report", "30 seconds", "select 2"), first);
      const [job] = await sql`select * from cron.job where jobid = ${first}`;
      assert.deepEqual(
        [job!.schedule, job!.command, job!.username, job!.database, job!.nodename, job!.active, job!.jobname],
        ["30 seconds", "select 2", "postgres", "postgres", "localhost", true, "report"],
      );
    });

    await t.step(
      "seconds go from 1 to 59, fields are crontab's, and anything else is refused by name",
      async () => {
        const accepted = [
          [
            "1 second",
            "59 seconds",
            " 10 SECONDS ",
            "*/5 * * * *",
            "0 0 1,15 * 1-5",
            "30 4 * jan-mar SUN",
            "0 0 $ * *",
          ],
          [
            "@hourly",
            "@daily",
            "@midnight",
            "@weekly",
            "@monthly",
            "@yearly",
            "@annually",
            "@reboot",
            "0-30/10 8-18 * * 7",
          ],
        ].flat();
        for (const when of accepted) assert.ok(await schedule(sql, "grammar", when, "select 1"), when);
        const refused = [
          [
            "60 seconds",
            "0 seconds",
            "5 s",
            "1 minute",
            "",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "* 24 * * *",
          ],
          [
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "5/2 * * * *",
            "@often",
            "a * * * *",
          ],
        ].flat();
        for (const when of refused) {
          await assert.rejects(schedule(sql, "grammar", when, "select 1"), {
            message: `invalid schedule: ${when}`,
          });
        }
        await sql`select cron.unschedule('grammar')`;
      },
    );

    await t.step("postgres reads cron.job and cannot write it but through the functions", async () => {
      for (
        const statement of [
          "insert into cron.job (schedule, command) values ('1 second', 'select 1')",
          "update cron.job set active = false",
          "delete from cron.job",
          "truncate cron.job",
        ]
      ) {
        await assert.rejects(sql.unsafe(statement), { code: "42501" }, statement);
      }
      assert.ok((await sql`select from cron.job`).length > 0);
      await sql`delete from cron.job_run_details`;
    });

    await t.step("a job under another role's name needs a superuser", async () => {
      const [own] =
        await sql`select cron.schedule_in_database('own', '1 second', 'select 1', 'postgres') as id`;
      const [again] =
        await sql`select cron.schedule_in_database('own', '2 seconds', 'select 1', 'postgres') as id`;
      assert.equal(again!.id, own!.id);
      await assert.rejects(
        sql`select cron.schedule_in_database('x', '1 second', 'select 1', 'postgres', 'supabase_admin')`
          .execute(),
        { code: "42501" },
      );
      await assert.rejects(
        sql`insert into cron._own_jobs (schedule, command, username) values ('1 second', 'x', 'anon')`
          .execute(),
        { code: "44000" },
      );
      const [row] = await admin`
        select cron.schedule_in_database('x', '1 second', 'select 1', 'postgres', 'anon', false) as id`;
      const [job] = await admin`select username, active from cron.job where jobid = ${row!.id}`;
      assert.deepEqual({ ...job }, { username: "anon", active: false });
      await admin`delete from cron.job where jobid = ${row!.id}`;
    });

    await t.step("unscheduling what does not exist is an error that names it", async () => {
      await assert.rejects(sql`select cron.unschedule('nobody')`.execute(), {
        message: "could not find valid entry for job 'nobody'",
      });
      await assert.rejects(sql`select cron.unschedule(999)`.execute(), {
        message: "could not find valid entry for job 999",
      });
    });

    await t.step(
      "a function with the rights of another owner schedules under that owner's name",
      async () => {
        await sql`create role engine`;
        await sql`grant engine to postgres`;
        await sql`grant usage on schema cron to engine`;
        await sql`grant create on schema public to engine`;
        await sql`create function public.plan() returns bigint language sql security definer set search_path = ''
        as $$ select cron.schedule('engine job', '1 second', 'select 1') $$`;
        await sql`alter function public.plan() owner to engine`;
        await sql`select public.plan()`;
        const [job] = await sql`select username from cron.job where jobname = 'engine job'`;
        assert.equal(job!.username, "engine");
      },
    );

    await t.step("the parsed fields are those of the crontab line", async () => {
      const [row] = await sql`select cron._parse_schedule('0-30/10 8,20 1 jan-mar sun') as parsed`;
      assert.deepEqual(row!.parsed, {
        kind: "calendar",
        minutes: [0, 10, 20, 30],
        hours: [8, 20],
        days: [1],
        months: [1, 2, 3],
        weekdays: [0],
        isLastDay: false,
        isAnyDay: false,
        isAnyWeekday: false,
      });
    });
  });
});

Deno.test("stopping the scheduler ends a run that would go on for long", () =>
  withCluster(async ({ sql, pg }) => {
    const scheduler = await startPgCron(pg.adminUrl);
    await sql`create extension if not exists pg_cron`;
    await schedule(sql, "long", "1 second", "select pg_sleep(60)");
    const isRunning = async () => {
      const rows =
        await sql`select from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`;
      return rows.length > 0 ? true : null;
    };
    await eventually("a run", isRunning);
    const began = performance.now();
    await scheduler.stop();
    assert.ok(performance.now() - began < 20_000);
    await eventually("its session's end", async () => await isRunning() === null ? true : null);
  }));
