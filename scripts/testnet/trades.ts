/** Orders of every kind, each case a trade from its decision to its end. */
import { Decimal } from "decimal.js";
import { decide } from "../lib/desk.ts";
import type { Floor } from "./floor.ts";

/** What happens to a position after its decision. */
export interface TradeCase {
  readonly name: string;
  readonly trader: "quick" | "patient" | "hasty";
  /** Entry, as a factor of the ask: above one it is filled at once, below it rests. */
  readonly entry: string;
  /** How many targets the decision names. */
  readonly targets: 1 | 2;
  readonly then: (floor: Floor, positionId: string, signalId: string) => Promise<void>;
}

/** A position's stop is so far below its entry, its targets so far above, as factors. */
const STOP = "0.97";
const TARGETS = ["1.05", "1.1"];
const NEARER_STOP = "0.98";

/** What the real testnet is asked for: entries, exits, cancels, replacements, time-outs, races and a stop of all. */
export const TESTNET_CASES: readonly TradeCase[] = [
  { name: "market buy, hand close", trader: "quick", entry: "1", targets: 1, then: closeGuarded },
  {
    name: "market buy with two targets, hand close",
    trader: "quick",
    entry: "1",
    targets: 2,
    then: closeGuarded,
  },
  { name: "market buy, stop moved, hand close", trader: "quick", entry: "1", targets: 1, then: moveStop },
  {
    name: "market buy, part closed, rest closed",
    trader: "quick",
    entry: "1",
    targets: 1,
    then: closeInParts,
  },
  {
    name: "limit filled at once, hand close",
    trader: "patient",
    entry: "1.002",
    targets: 1,
    then: closeGuarded,
  },
  { name: "limit rests, cancelled", trader: "patient", entry: "0.97", targets: 1, then: cancelResting },
  { name: "limit rests, decision taken back", trader: "patient", entry: "0.97", targets: 1, then: takeBack },
  {
    name: "limit rests until its time is over",
    trader: "hasty",
    entry: "0.97",
    targets: 1,
    then: waitForTimeout,
  },
  {
    name: "limit filled at once, cancelled meanwhile",
    trader: "patient",
    entry: "1.002",
    targets: 1,
    then: raceCancel,
  },
  { name: "closed twice by one request", trader: "quick", entry: "1", targets: 1, then: closeTwice },
  { name: "everything stopped and closed", trader: "quick", entry: "1", targets: 1, then: stopAll },
];

/** What production is asked for: small market orders, guarded and closed. */
export const PRODUCTION_CASES: readonly TradeCase[] = Array.from({ length: 5 }, (_, n) => ({
  name: `market buy, hand close (${n + 1} of 5)`,
  trader: "quick",
  entry: "1",
  targets: 1,
  then: closeGuarded,
}));

/** Writes the decision and returns its signal. */
export async function decideOn(
  floor: Floor,
  traderId: string,
  { entry, targets }: TradeCase,
): Promise<string> {
  const { quote, target: { symbol } } = floor;
  const price = new Decimal(quote.ask).mul(entry);
  const signalId = crypto.randomUUID();
  await decide(floor.stack.sql, [{
    signalId,
    traderId,
    symbol,
    confidence: 80,
    levels: {
      entry: price.toFixed(),
      stopLoss: price.mul(STOP).toFixed(),
      takeProfit: TARGETS.slice(0, targets).map((factor) => price.mul(factor).toFixed()),
    },
  }]);
  return signalId;
}

/** Waits until the stop of a position rests at the exchange. */
async function untilGuarded(floor: Floor, positionId: string): Promise<void> {
  await floor.until("protection", async () => {
    const [row] = await floor.stack.sql`
      select from trading.engine_stops s join public.positions p on p.id = s.position_id
      where p.id = ${positionId} and p.status in ('open', 'monitoring') and s.naked_since is null`;
    return row === undefined ? undefined : true;
  });
}

async function closeWhole(floor: Floor, positionId: string, requestId = crypto.randomUUID()): Promise<void> {
  await floor.command("select public.close_position($1, p_request_id => $2)", [positionId, requestId]);
}

async function closeGuarded(floor: Floor, positionId: string): Promise<void> {
  await untilGuarded(floor, positionId);
  await closeWhole(floor, positionId);
}

/** As whoever manages the position would: the row first, then what rests is brought in line with it. */
async function moveStop(floor: Floor, positionId: string): Promise<void> {
  await untilGuarded(floor, positionId);
  const stop = new Decimal(floor.quote.ask).mul(NEARER_STOP).toFixed();
  await floor.stack.sql.begin(async (tx) => {
    await tx`set local role fillbase_engine`;
    await tx`
      update public.positions p set stop_loss_price = trading.floor_to_step(${stop}::numeric, i.tick_size), updated_at = clock_timestamp()
      from public.instruments i where i.symbol = p.symbol and p.id = ${positionId}`;
    await tx`select trading.sync_protection(p, clock_timestamp()) from public.positions p where p.id = ${positionId}`;
  });
  await floor.until("the moved stop", async () => {
    const [row] = await floor.stack.sql`
      select from public.orders o join public.positions p on p.id = o.position_id
      where p.id = ${positionId} and o.role = 'stop_loss' and o.state = 'working' and o.trigger_price = p.stop_loss_price`;
    return row === undefined ? undefined : true;
  });
  await closeWhole(floor, positionId);
}

async function closeInParts(floor: Floor, positionId: string): Promise<void> {
  await untilGuarded(floor, positionId);
  await floor.command(
    `select public.close_position(p.id, trading.floor_to_step(p.quantity / 2, i.lot_step), gen_random_uuid())
     from public.positions p join public.instruments i on i.symbol = p.symbol where p.id = $1`,
    [positionId],
  );
  await floor.until("the part's sale", async () => {
    const [row] = await floor.stack.sql`
      select from public.orders where position_id = ${positionId} and role = 'exit' and state = 'filled'`;
    return row === undefined ? undefined : true;
  });
  await closeGuarded(floor, positionId);
}

async function untilResting(floor: Floor, positionId: string): Promise<void> {
  await floor.until("the resting entry", async () => {
    const [row] = await floor.stack
      .sql`select from public.orders where position_id = ${positionId} and role = 'entry' and state = 'working'`;
    return row === undefined ? undefined : true;
  });
}

async function cancelResting(floor: Floor, positionId: string): Promise<void> {
  await untilResting(floor, positionId);
  await floor.command("select public.cancel_entry($1)", [positionId]);
}

async function takeBack(floor: Floor, positionId: string, signalId: string): Promise<void> {
  await untilResting(floor, positionId);
  await floor.stack.sql`
    insert into public.signal_analyses (signal_id, trader_id, decision, confidence)
    select s.id, s.trader_id, 'bad_setup', 80 from public.signals s where s.id = ${signalId}`;
}

async function waitForTimeout(floor: Floor, positionId: string): Promise<void> {
  await untilResting(floor, positionId);
}

/** The cancel goes out while the fill is on its way: whichever wins, the books know. */
async function raceCancel(floor: Floor, positionId: string): Promise<void> {
  await floor.command("select public.cancel_entry($1)", [positionId]);
  await floor.quiet();
  await floor.flatten();
}

async function closeTwice(floor: Floor, positionId: string): Promise<void> {
  await untilGuarded(floor, positionId);
  const requestId = crypto.randomUUID();
  await Promise.all([closeWhole(floor, positionId, requestId), closeWhole(floor, positionId, requestId)]);
}

async function stopAll(floor: Floor, positionId: string): Promise<void> {
  await untilGuarded(floor, positionId);
  const { sql } = floor.stack;
  await floor.command("select public.stop_trading('user', $1, 'halt_and_flatten', 'the last case')", [
    floor.user.id,
  ]);
  await floor.until("the stop", async () => {
    const [row] = await sql`select from trading.stop_requests where flattened_at is null`;
    return row === undefined ? true : undefined;
  });
  await sql`select public.resume_trading('user', ${floor.user.id}, 'it is over')`;
}
