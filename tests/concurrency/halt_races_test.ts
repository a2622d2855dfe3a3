import assert from "node:assert/strict";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { assertNoPermitUnderHalt } from "./permit_replay.ts";
import { allDone, withYard, type Yard } from "./yard.ts";

const HALTS = 100;
const WORKERS = 5;
const USERS = 4;
const PAUSE_MS = 8;

interface Person {
  readonly userId: string;
  readonly traderId: string;
  readonly portfolioId: string;
}

async function people(yard: Yard): Promise<Person[]> {
  return await Promise.all(Array.from({ length: USERS }, async () => {
    const { id: userId } = await yard.user();
    const [row] = await yard
      .sql`select trading.ensure_portfolio(${userId}, 'paper', clock_timestamp()) as id`;
    return { userId, traderId: await yard.trader(userId), portfolioId: row!["id"] };
  }));
}

/** Decides without a pause until told to stop. */
async function decideOn(yard: Yard, { traderId }: Person, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    for (const signalId of await yard.signals(traderId, 5)) await yard.decide(traderId, signalId);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const KINDS = 4;

/** A scope as `stop_trading` takes it: one of the kinds. */
function scopeOf(person: Person, kind: number): [string, string | null] {
  const scopes: [string, string | null][] = [
    ["everyone", null],
    ["user", person.userId],
    ["portfolio", person.portfolioId],
    ["trader", person.traderId],
  ];
  return scopes[kind]!;
}

async function stop(yard: Yard, scope: string, id: string | null, mode = "halt"): Promise<string> {
  const [row] = await yard.sql`
    select public.stop_trading(${scope}, ${id}, ${mode}, 'a test') ->> 'stop_id' as id`;
  return row!["id"];
}

async function resume(yard: Yard, scope: string, id: string | null): Promise<void> {
  await yard.sql`select public.resume_trading(${scope}, ${id}, 'a test')`;
}

async function resumeAll(yard: Yard, all: readonly Person[]): Promise<void> {
  for (const person of all) {
    for (let kind = 0; kind < KINDS; kind++) await resume(yard, ...scopeOf(person, kind));
  }
}

Deno.test(`no entry gets a permit after a halt's commit, in ${HALTS} halts under load`, async () => {
  await withYard("halt_often", async (yard) => {
    const all = await people(yard);
    let isOver = false;
    const halts = (async () => {
      for (let n = 0; n < HALTS; n++) {
        const [scope, id] = scopeOf(all[n % USERS]!, (n + Math.floor(n / USERS)) % KINDS);
        await stop(yard, scope, id, n % 10 === 9 ? "halt_and_flatten" : "halt");
        await pause(PAUSE_MS);
        await resume(yard, scope, id);
        await pause(PAUSE_MS);
      }
      isOver = true;
    })().finally(() => isOver = true);
    await yard.crew(WORKERS, allDone([halts, ...all.map((one) => decideOn(yard, one, () => isOver))]));
    const { permits, changes } = await assertNoPermitUnderHalt(yard.sql);
    assert.equal(changes, 2 * HALTS);
    assert.ok(permits > HALTS / 5, `only ${permits} permits`);
    await yard.assertBooks();
  });
});

Deno.test("halts and resumes of overlapping scopes at once end without a deadlock and in one state", async () => {
  await withYard("halt_overlap", async (yard) => {
    const all = await people(yard);
    let isOver = false;
    const actors = Array.from({ length: 6 }, async (_, actor) => {
      const random = randomFor("overlap", actor);
      for (let n = 0; n < 40; n++) {
        const [scope, id] = scopeOf(all[random.below(USERS)]!, random.below(KINDS));
        if (random.below(2) === 0) {
          await stop(yard, scope, id, random.below(4) === 0 ? "halt_and_flatten" : "halt");
        } else await resume(yard, scope, id);
        const [twice] = await yard.sql`
          select 1 from trading.stop_requests where ended_at is null group by state_scope, state_scope_id having count(*) > 1`;
        assert.equal(twice, undefined, "one stop stands per scope");
      }
    });
    const meddling = allDone(actors).finally(() => isOver = true);
    await yard.crew(WORKERS, allDone([meddling, ...all.map((one) => decideOn(yard, one, () => isOver))]));
    await assertNoPermitUnderHalt(yard.sql);

    const [torn] = await yard.sql`
      select count(*)::int as n from trading.trading_states s
      full join (select * from trading.stop_requests where ended_at is null) r
        on r.state_scope = s.scope and r.state_scope_id = s.scope_id
      where (s.state = 'halted') <> (r.id is not null)`;
    assert.equal(torn!["n"], 0, "a scope is halted exactly where a stop stands");
    await resumeAll(yard, all);
    await yard.crew(WORKERS);
    await yard.assertBooks();
  });
});

Deno.test("a resume and a halt at the same moment leave the state of the later one", async () => {
  await withYard("halt_resume", async (yard) => {
    const [person] = await people(yard);
    for (let n = 0; n < 25; n++) {
      await stop(yard, "user", person!.userId);
      await Promise.all([resume(yard, "user", person!.userId), stop(yard, "user", person!.userId)]);
      const [last] = await yard.sql`
        select action from public.audit_log where subject_type = 'user' order by id desc limit 1`;
      const [state] = await yard.sql`select state from trading.trading_states where scope = 'user'`;
      assert.equal(last!["action"] === "trading_resumed" ? "active" : "halted", state!["state"]);
      await resume(yard, "user", person!.userId);
    }
    await yard.crew(1);
    await yard.assertBooks();
  });
});

Deno.test("the same stop from many sessions at once is one stop", async () => {
  await withYard("halt_same", async (yard) => {
    const [person] = await people(yard);
    const ids = await Promise.all(Array.from({ length: 12 }, () => stop(yard, "user", person!.userId)));
    assert.equal(new Set(ids).size, 1);
    const [row] = await yard.sql`
      select (select count(*)::int from public.audit_log where action = 'stop_requested') as stops,
        (select epoch::int from trading.trading_states where scope = 'user') as epoch`;
    assert.deepEqual({ ...row }, { stops: 1, epoch: 1 });
  });
});
