/** The emergency stop under load: how long until nothing new can leave, until all is settled, until all is closed. */
import { hireTrader } from "../lib/desk.ts";
import { Operator, type Stopped } from "../lib/operator.ts";
import { type BenchRun, untilQuiet } from "./bench_run.ts";
import { decideAtOnce, draftDecisions, type Employer, hire, range } from "./desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";
import { percentile } from "./statistics.ts";

/** Half of them over HTTP, half by the database's command alone, on a session that has given it before. */
const RUNS = 200;
/** Besides, so many by the command on a session that is opened for it. */
const COLD_RUNS = 10;
const QUEUED = 1_000;
const IN_FLIGHT = 50;
const OPEN_POSITIONS = 500;
const USERS = 10;
const TRADERS_EACH = 5;
/** A stop comes at any moment of the drain: this long after the decisions at most. */
const LATEST_CALL_MS = 400;
const PATIENT = { entry_order_type: "limit", paper_trade_balance: 1_000_000, sizing_value: 50 };
const LIMITS = { max_position_quote: 100, max_exposure_quote: 500_000, max_open_positions: 2_000 };

/** Two hundred and ten stops of everyone in the middle of a burst, then one over 500 open positions. */
export async function measureStops(run: BenchRun): Promise<BenchResult[]> {
  const operator = await Operator.appoint(run.stack);
  try {
    const employers = await hire(run.stack.sql, "stop", USERS, TRADERS_EACH);
    const patient = await hirePatient(run, employers);
    const calls: Stopped[] = [];
    const commands: Stopped[] = [];
    const moment = { run, operator, employers, patient };
    for (const n of range(RUNS)) {
      const isCall = n % 2 === 0;
      const give = () => isCall ? operator.call() : operator.command();
      (isCall ? calls : commands).push(await stopInBurst(moment, give, n / RUNS));
      if ((n + 1) % 25 === 0) run.log(`  ${n + 1} of ${RUNS} stops`);
    }
    const cold: Stopped[] = [];
    for (const n of range(COLD_RUNS)) {
      cold.push(await stopInBurst(moment, () => operator.coldCommand(), n / COLD_RUNS));
    }
    return rowsOf(calls, commands, cold, await stopOverPositions(run, operator, employers));
  } finally {
    operator.leave();
  }
}

function rowsOf(
  calls: readonly Stopped[],
  commands: readonly Stopped[],
  cold: readonly Stopped[],
  whole: Stopped,
): BenchResult[] {
  const all = [...calls, ...commands, ...cold];
  const permits = all.reduce((sum, { permitsAfter }) => sum + permitsAfter, 0);
  const at = (share: number, stops: readonly Stopped[], of: (stop: Stopped) => number) =>
    percentile(stops.map(of), share);
  const halted = ({ haltedMs }: Stopped) => haltedMs;
  return [
    measured("stop_call_to_halted_p50", at(0.5, calls, halted), "ms"),
    measured("stop_call_to_halted_p99", at(0.99, calls, halted), "ms", atMost(50)),
    measured("stop_call_to_answer_p99", at(0.99, calls, ({ answeredMs }) => answeredMs), "ms"),
    measured("stop_command_to_halted_p50", at(0.5, commands, halted), "ms"),
    measured("stop_command_to_halted_p99", at(0.99, commands, halted), "ms", atMost(50)),
    measured("stop_cold_command_to_halted_p50", at(0.5, cold, halted), "ms"),
    measured("stop_cold_command_to_halted_max", at(1, cold, halted), "ms"),
    measured("permits_after_halt", permits, "permits", atMost(0)),
    measured("halted_to_settled_p99", at(0.99, all, ({ settledMs }) => settledMs) / 1_000, "s", atMost(3)),
    measured("flatten_500_to_last_close", whole.flattenedMs / 1_000, "s", atMost(6)),
  ];
}

/** Whom a stop meets in the middle of what. */
interface Moment {
  readonly run: BenchRun;
  readonly operator: Operator;
  readonly employers: readonly Employer[];
  readonly patient: readonly Employer[];
}

/** `lateness`: 0 to 1 of the time in which a stop comes. */
async function stopInBurst(
  { run: { stack, backend }, operator, employers, patient }: Moment,
  give: () => Promise<Stopped>,
  lateness: number,
): Promise<Stopped> {
  await decideAtOnce(backend, await draftDecisions(stack.sql, patient, IN_FLIGHT));
  await untilQuiet(stack.sql);
  await decideAtOnce(backend, await draftDecisions(stack.sql, employers, QUEUED));
  await sleep(LATEST_CALL_MS * lateness);
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

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
