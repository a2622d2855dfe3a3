/** The emergency stop under load: how long until nothing new can leave, until all is settled, until all is closed. */
import { hireTrader, hireUser } from "../lib/desk.ts";
import { type BenchRun, untilQuiet } from "./bench_run.ts";
import { decideAtOnce, draftDecisions, type Employer, hire, range } from "./desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";
import { percentile } from "./statistics.ts";

/** Half of them over HTTP, half by the database's command alone. */
const RUNS = 100;
const QUEUED = 1_000;
const IN_FLIGHT = 50;
const OPEN_POSITIONS = 500;
const USERS = 10;
const TRADERS_EACH = 5;
/** A stop comes at any moment of the drain: this long after the decisions at most. */
const LATEST_CALL_MS = 400;
const DONE_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
const PATIENT = { entry_order_type: "limit", paper_trade_balance: 1_000_000, sizing_value: 50 };
const LIMITS = { max_position_quote: 100, max_exposure_quote: 500_000, max_open_positions: 2_000 };

/** One stop, by the times of the call and of its row. */
interface Stopped {
  /** From the call until another session heard that the halt has committed. */
  readonly haltedMs: number;
  /** From the call to its answer, which shares the processors with the work that the commit has set off. */
  readonly answeredMs: number;
  readonly settledMs: number;
  /** From the call to the last close. */
  readonly flattenedMs: number;
  /** Entries that got a permit after the halt's commit. */
  readonly permitsAfter: number;
}

/** A hundred stops of everyone in the middle of a burst, then one over 500 open positions. */
export async function measureStops(run: BenchRun): Promise<BenchResult[]> {
  const operator = await Operator.appoint(run);
  const employers = await hire(run.stack.sql, "stop", USERS, TRADERS_EACH);
  const patient = await hirePatient(run, employers);
  const calls: Stopped[] = [];
  const commands: Stopped[] = [];
  for (const n of range(RUNS)) {
    const isCall = n % 2 === 0;
    const give = () => isCall ? operator.call() : operator.command();
    (isCall ? calls : commands).push(await stopInBurst(run, operator, give, employers, patient, n));
    if ((n + 1) % 25 === 0) run.log(`  ${n + 1} of ${RUNS} stops`);
  }
  const flattened = await stopOverPositions(run, operator, employers);
  const all = [...calls, ...commands];
  return [
    measured("stop_call_to_halted_p50", percentile(calls.map(({ haltedMs }) => haltedMs), 0.5), "ms"),
    measured(
      "stop_call_to_halted_p99",
      percentile(calls.map(({ haltedMs }) => haltedMs), 0.99),
      "ms",
      atMost(50),
    ),
    measured("stop_call_to_answer_p99", percentile(calls.map(({ answeredMs }) => answeredMs), 0.99), "ms"),
    measured("stop_command_to_halted_p50", percentile(commands.map(({ haltedMs }) => haltedMs), 0.5), "ms"),
    measured(
      "stop_command_to_halted_p99",
      percentile(commands.map(({ haltedMs }) => haltedMs), 0.99),
      "ms",
      atMost(50),
    ),
    measured(
      "permits_after_halt",
      all.reduce((sum, { permitsAfter }) => sum + permitsAfter, 0),
      "permits",
      atMost(0),
    ),
    measured(
      "halted_to_settled_p99",
      percentile(all.map(({ settledMs }) => settledMs), 0.99) / 1_000,
      "s",
      atMost(3),
    ),
    measured("flatten_500_to_last_close", flattened.flattenedMs / 1_000, "s", atMost(6)),
  ];
}

async function stopInBurst(
  run: BenchRun,
  operator: Operator,
  give: () => Promise<Stopped>,
  employers: readonly Employer[],
  patient: readonly Employer[],
  n: number,
): Promise<Stopped> {
  const { stack, backend } = run;
  await decideAtOnce(backend, await draftDecisions(stack.sql, patient, IN_FLIGHT));
  await untilQuiet(stack.sql);
  await decideAtOnce(backend, await draftDecisions(stack.sql, employers, QUEUED));
  await sleep(LATEST_CALL_MS * n / RUNS);
  const stopped = await give();
  await operator.resume();
  await untilQuiet(stack.sql);
  return stopped;
}

async function stopOverPositions(
  run: BenchRun,
  operator: Operator,
  employers: readonly Employer[],
): Promise<Stopped> {
  await decideAtOnce(run.backend, await draftDecisions(run.stack.sql, employers, OPEN_POSITIONS));
  await untilQuiet(run.stack.sql);
  const [row] = await run.stack.sql`
    select count(*)::int as n from public.positions p join auth.users u on u.id = p.user_id
    where p.status = 'open' and u.email like 'stop-%'`;
  if (row!["n"] !== OPEN_POSITIONS) throw new Error(`${row!["n"]} positions are open, not ${OPEN_POSITIONS}`);
  const stopped = await operator.call();
  await operator.resume();
  return stopped;
}

/** A trader with resting limits for each user. */
async function hirePatient({ stack }: BenchRun, employers: readonly Employer[]): Promise<Employer[]> {
  return await Promise.all(employers.map(async ({ user }) => {
    const trader = { userId: user.id, name: "patient", settings: PATIENT, limits: LIMITS };
    return { user, traderIds: [await hireTrader(stack.sql, trader)] };
  }));
}

/** Who may stop everyone, with a token and the function's address, and an ear at the database for the commit. */
class Operator {
  #heard: (at: number) => void = () => {};

  private constructor(private readonly run: BenchRun, private readonly headers: Record<string, string>) {}

  static async appoint(run: BenchRun): Promise<Operator> {
    const { stack } = run;
    const user = await hireUser(stack.sql, "operator@example.com");
    await stack.sql`insert into trading.operators (user_id, note) values (${user.id}, 'of the benchmark')`;
    const { data } = await (await stack.signIn(user.email, user.password)).auth.getSession();
    const headers = {
      apikey: stack.publishableKey,
      authorization: `Bearer ${data.session!.access_token}`,
    };
    await stack.gateway.functions?.prewarm(["stop-all"]);
    const appointed = new Operator(run, headers);
    await appointed.#listen();
    return appointed;
  }

  /** A notification is delivered when its transaction has committed, and not before. */
  async #listen(): Promise<void> {
    const { sql } = this.run.stack;
    await sql.begin(async (tx) => {
      await tx`set local role fillbase_engine`;
      await tx.unsafe(`
        create function trading.tg_bench__halted() returns trigger language plpgsql as
          $$ begin perform pg_notify('bench_halted', ''); return null; end $$;
        create trigger stop_requests_bench after insert on trading.stop_requests
          for each row execute function trading.tg_bench__halted()`);
    });
    await this.run.backend.listen("bench_halted", () => this.#heard(performance.now()));
  }

  /** Stops everyone and closes everything through the function; resolves when the last position is closed. */
  call(): Promise<Stopped> {
    return this.#stop(async () => {
      const response = await fetch(`${this.run.stack.url}/functions/v1/stop-all`, {
        method: "POST",
        headers: this.headers,
        body: JSON.stringify({ scope: "everyone", mode: "halt_and_flatten", reason: "a benchmark" }),
      });
      const answer = await response.json();
      if (response.status === 202) return answer.stop_id;
      throw new Error(`stop-all answered ${response.status}: ${JSON.stringify(answer)}`);
    });
  }

  /** The same by the database's command, as where no function can be reached. */
  command(): Promise<Stopped> {
    return this.#stop(async () => {
      const [row] = await this.run.backend`
        select public.stop_trading('everyone', null, 'halt_and_flatten', 'a benchmark') ->> 'stop_id' as id`;
      return row!["id"];
    });
  }

  async #stop(give: () => Promise<string>): Promise<Stopped> {
    const committed = new Promise<number>((resolve) => this.#heard = resolve);
    const calledAt = Date.now();
    const startedAt = performance.now();
    const stopId = await give();
    const answeredMs = performance.now() - startedAt;
    const haltedMs = await committed - startedAt;
    return { haltedMs, answeredMs, ...await this.#outcome(stopId, calledAt) };
  }

  async resume(): Promise<void> {
    await this.run.stack.sql`select public.resume_trading('everyone', p_reason => 'a benchmark')`;
  }

  async #outcome(stopId: string, calledAt: number): Promise<Omit<Stopped, "haltedMs" | "answeredMs">> {
    const until = performance.now() + DONE_TIMEOUT_MS;
    for (;;) {
      const [row] = await this.run.stack.sql<{ halted: number; settled: number; flattened: number }[]>`
        select extract(epoch from halted_at)::float8 * 1000 as halted, extract(epoch from settled_at)::float8 * 1000 as settled,
          extract(epoch from flattened_at)::float8 * 1000 as flattened
        from trading.stop_requests where id = ${stopId} and flattened_at is not null`;
      if (row) {
        const { halted, settled, flattened } = row;
        const permitsAfter = await permitsAfterHalt(this.run, stopId);
        return { settledMs: settled - halted, flattenedMs: flattened - calledAt, permitsAfter };
      }
      if (performance.now() > until) {
        throw new Error(`a stop was not done within ${DONE_TIMEOUT_MS} ms`);
      }
      await sleep(POLL_MS);
    }
  }
}

/**
 * A permit's audit row is written while the gates are held shared, the stop's while one is held exclusively: so a permit
 * that came after the halt's commit, and only such a one, has the larger number.
 */
async function permitsAfterHalt({ stack }: BenchRun, stopId: string): Promise<number> {
  const [row] = await stack.sql<{ n: number }[]>`
    select count(*)::int as n from public.audit_log a
    where a.action = 'order_submitting' and a.detail ->> 'role' = 'entry' and a.id > (
      select s.id from public.audit_log s where s.subject_id = ${stopId} and s.action = 'stop_requested')`;
  return row!.n;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
