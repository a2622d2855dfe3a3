import assert from "node:assert/strict";
import { clusterFromEnvironment, startTestCluster } from "./cluster.ts";
import { PgTapRunner } from "./pgtap.ts";

async function withRunner(work: (runner: PgTapRunner) => Promise<void>): Promise<void> {
  const shared = clusterFromEnvironment();
  const own = shared === null ? await startTestCluster() : null;
  try {
    await using runner = new PgTapRunner(() => Promise.resolve((shared ?? own)!));
    await work(runner);
  } finally {
    await own?.stop();
  }
}

Deno.test("pgTAP files of all kinds", (t) =>
  withRunner(async (runner) => {
    await t.step("a file's assertions are counted", async () => {
      const outcome = await runner.runText(
        "select plan(2); select ok(true, 'a'); select is(1, 1, 'b'); select finish();",
      );
      assert.deepEqual(outcome, { passed: 2, failed: 0, skipped: 0, report: [] });
    });

    await t.step("a failed assertion is reported with what it had and wanted", async () => {
      const { passed, failed, report } = await runner.runText(
        "select plan(1); select is(1, 2, 'sum'); select finish();",
      );
      assert.deepEqual([passed, failed], [0, 1]);
      assert.match(report.join("\n"), /not ok 1 - sum[\s\S]*have: 1[\s\S]*want: 2/);
    });

    await t.step("an error ends the file with its line, and what came before is kept", async () => {
      const { passed, failed, report } = await runner.runText(
        "select plan(2);\nselect ok(true);\nselect nothing();\n",
      );
      assert.deepEqual([passed, failed], [1, 1]);
      assert.match(report.join("\n"), /line 3: 42883/);
    });

    await t.step("what a file wrote, and the role it took, are gone for the next", async () => {
      await runner.runText(
        "select plan(1); create table public.left_over (); select tests.act_as_anon(); select ok(true);",
      );
      const next = await runner.runText(
        `begin; select plan(2); select hasnt_table('public', 'left_over', 'gone');
         select is(current_user::text, 'postgres', 'owner'); select * from finish(); rollback;`,
      );
      assert.deepEqual([next.passed, next.failed], [2, 0], next.report.join("\n"));
    });

    await t.step(
      "a file that commits is refused without the marker and runs on its own clone with it",
      async () => {
        const text =
          "create table public.kept (); commit;\nselect plan(1);\nselect has_table('public', 'kept', 'kept');";
        const refused = await runner.runText(`begin;\n${text.replace("; commit", ";\ncommit")}`);
        assert.match(refused.report.join(), /must begin with the line/);
        const own = await runner.runText(`-- own database\nbegin;\n${text}`);
        assert.deepEqual([own.passed, own.failed], [1, 0], own.report.join("\n"));
        const next = await runner.runText(
          "select plan(1); select hasnt_table('public', 'kept', 'not here');",
        );
        assert.equal(next.failed, 0);
      },
    );

    await t.step("the helpers make users and speak as them, as anon and as the service", async () => {
      const outcome = await runner.runText(`
        select plan(6);
        select tests.create_user('ada', '{"plan":"elite"}');
        select tests.act_as_user('ada');
        select is(auth.uid(), tests.user_id('ada'), 'the user is ada');
        select is(current_user::text || ' ' || (auth.jwt() -> 'app_metadata' ->> 'plan'), 'authenticated elite', 'claims');
        select tests.act_as_anon();
        select is(auth.uid()::text || current_user, null, 'anon is nobody');
        select tests.act_as_service();
        select is(current_user::text, 'service_role', 'the service');
        select tests.act_as_owner();
        select tests.raises('select 1/0', '22012', 'division by zero', 'no code') where false;
        select tests.raises($$ do 'begin raise exception using errcode = ''FB404'', message = ''no_such: thing''; end' $$,
                            'FB404', 'no_such', 'code and state');
        select tests.touches_rows('delete from auth.users', 1, 'one row');
        select * from finish();`);
      assert.deepEqual([outcome.passed, outcome.failed], [6, 0], outcome.report.join("\n"));
    });

    await t.step("tests.raises fails on another code, another state and on no error", async () => {
      const raise = "do 'begin raise exception using errcode = ''FB404'', message = ''no_such: thing''; end'";
      const outcome = await runner.runText(`
        select plan(3);
        select tests.raises($$ ${raise} $$, 'FB404', 'other', 'code');
        select tests.raises($$ ${raise} $$, 'FB403', 'no_such', 'state');
        select tests.raises('select 1', 'FB404', 'no_such', 'nothing');`);
      assert.equal(outcome.failed, 3);
    });
  }));
