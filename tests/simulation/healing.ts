/** After the trouble: the exchange behaves, time goes by, and everything must come out right by itself. */
import { type Fixed, fixed, formatShort } from "../../simulator/core/fixed.ts";
import { findLeaks } from "../../simulator/engine/accounts.ts";
import { checkBooks } from "../../scripts/lib/desk.ts";
import type { Violation } from "./books.ts";
import { wrong } from "./truth.ts";
import type { LiveUser, World } from "./world.ts";

/** Longer than the longest ban, back-off, lease, and the time that an absence takes to be proven. */
const HEALS_WITHIN_MS = 400_000;
/** Calm for longer than a stop or target at the exchange goes without being asked about. */
const CALM_ROUNDS = 10;
const ROUND_MS = 4_000;
/** What may go wrong no more. */
const NO_MISHAPS = { crash: 0, stall: 0, lost: 0 } as const;

/** Ends the trouble and lets time go by until nothing is left to do. Returns how long that took (ms). */
export async function heal(world: World, tick: () => Promise<void>): Promise<number> {
  const { simulator } = world;
  simulator.faults.clear();
  simulator.state.readLag = { probability: 0, ms: 0 };
  world.mishaps = NO_MISHAPS;
  world.note("healing");
  const beganAt = world.clock.now();
  const passed = () => world.clock.now() - beganAt;
  for (let calm = 0; calm < CALM_ROUNDS && passed() < HEALS_WITHIN_MS;) {
    // While it is calm the market stands still: each tick could fill a little more of an order that rests, and the end
    // would come before anybody has asked about the last one.
    if (calm === 0) await tick();
    else await world.tell();
    await world.sweep();
    world.ring();
    await world.turns.run(ROUND_MS);
    calm = world.isIdle && await isSettled(world) ? calm + 1 : 0;
  }
  // Where many orders rest, some are always being looked at: what was queued is finished, and nothing more begun.
  for (let more = 0; more < CALM_ROUNDS && !(world.isIdle && await isDrained(world)); more++) {
    world.ring();
    await world.turns.run(ROUND_MS);
  }
  return passed();
}

/** Nothing is due within the next round, and of no order it is unknown where it stands. */
async function isSettled({ sql, clock }: World): Promise<boolean> {
  const soon = new Date(clock.now() + ROUND_MS);
  const [row] = await sql<{ is_settled: boolean }[]>`
    select not exists (select from trading.jobs j where j.status = 'running'
        or (j.status = 'queued' and j.due_at <= ${soon} and not (j.kind = 'sync' and j.key like 'ask:poll%')))
      and not exists (select from public.orders o where o.finished_at is null
        and (o.state in ('submitting', 'unknown') or o.venue_executed_quantity > o.filled_quantity))
      and not exists (select from trading.engine_stops s where s.naked_since is not null and s.naked_cause not in ('below_minimum', 'no_slot'))
      and not exists (select from public.positions p where p.status in ('submitting', 'closing')
        and not exists (select from public.orders o where o.position_id = p.id and o.role = 'entry' and o.state in ('working', 'partially_filled')))
      as is_settled`;
  return row!.is_settled;
}

/** Nothing is due. */
async function isDrained({ sql, clock }: World): Promise<boolean> {
  const [row] = await sql<{ is_drained: boolean }[]>`
    select not exists (select from trading.jobs j where j.status = 'running'
      or (j.status = 'queued' and j.due_at <= ${new Date(clock.now())})) as is_drained`;
  return row!.is_drained;
}

/** What must be so once everything has come to rest. */
export async function* afterHealing(world: World): AsyncGenerator<Violation> {
  const { sql } = world;
  const stuck = await sql<{ client: string; state: string }[]>`
    select client_order_id as client, state from public.orders where state in ('planned', 'submitting', 'unknown')`;
  for (const { client, state } of stuck) yield wrong("no_order_is_stuck", client, state, "known");
  // An entry that could not leave in eight tries is given up, told to its owner, and its decision is over.
  const [given] = await sql<{ up: number }[]>`
    select count(*)::int as up from trading.jobs j join public.signals s on s.id = j.signal_id
    where j.status = 'dead' and j.kind = 'enter' and exists (select from public.alerts a where a.code = 'entry_failed' and a.subject_id = s.id::text)`;
  for (const [book, count] of Object.entries(await checkBooks(sql))) {
    const allowed = book === "jobs_left" ? given!.up : 0;
    if (count !== allowed) yield wrong("books_are_zero", book, count, allowed);
  }
  for (const [asset, amount] of findLeaks(world.simulator.state)) {
    yield wrong("exchange_adds_up", asset, formatShort(amount), 0);
  }
  for (const user of world.users) yield* balances(world, user);
  yield* guards(world);
  yield* transitions(world);
}

/** What the exchange holds is what its owner had, and what the ledger says that came and went since. */
async function* balances({ sql }: World, { exchange, own, accountId }: LiveUser): AsyncGenerator<Violation> {
  const rows = await sql<{ asset: string; held: string; is_cash: boolean }[]>`
    select b.asset, trim_scale(sum(b.amount))::text as held, b.asset = 'USDT' as is_cash from trading.balances b
    where b.account_id = ${accountId} and b.bucket in ('cash', 'position', 'dust') group by b.asset`;
  const fees = await sql<{ asset: string; paid: string }[]>`
    select t.fee_asset as asset, trim_scale(sum(t.fee))::text as paid from public.trades t
    where t.account_id = ${accountId} and t.fee_asset = 'BNB' group by t.fee_asset`;
  const expected = new Map<string, Fixed>(own);
  for (const { asset, held, is_cash } of rows) {
    expected.set(asset, signed(held) + (is_cash ? 0n : expected.get(asset) ?? 0n));
  }
  for (const { asset, paid } of fees) expected.set(asset, (expected.get(asset) ?? 0n) - signed(paid));
  for (const [asset, amount] of expected) {
    const balance = exchange.balances.get(asset);
    const total = (balance?.free ?? 0n) + (balance?.locked ?? 0n);
    if (total !== amount) {
      yield wrong(
        "exchange_is_the_ledger",
        `${exchange.id} ${asset}`,
        formatShort(total),
        formatShort(amount),
      );
    }
  }
}

function signed(text: string): Fixed {
  return text.startsWith("-") ? -fixed(text.slice(1)) : fixed(text);
}

/** Each open position that is big enough, and for which the exchange has room, has a stop for all of it at the exchange. */
async function* guards({ sql, users }: World): AsyncGenerator<Violation> {
  const rows = await sql<{ account: string; symbol: string; stops: string[]; sellable: string }[]>`
    select p.account_id as account, p.symbol, trading.floor_to_step(p.quantity, i.lot_step)::text as sellable,
      array(select o.client_order_id from public.orders o where o.position_id = p.id and o.role = 'stop_loss') as stops
    from public.positions p join public.instruments i on i.symbol = p.symbol
    where p.status in ('open', 'monitoring', 'closing')
      and trading.floor_to_step(p.quantity, i.lot_step) >= greatest(i.lot_min, i.lot_step)
      and trading.floor_to_step(p.quantity, i.lot_step) * p.stop_loss_price * 0.99 >= i.notional_min
      -- Five stops in a symbol are all that the exchange allows an account.
      and (select count(*) from public.orders o where o.account_id = p.account_id and o.symbol = p.symbol and o.position_id <> p.id
        and o.role = 'stop_loss' and o.finished_at is null) < 5`;
  for (const { account, symbol, stops, sellable } of rows) {
    const { exchange } = users.find(({ accountId }) => accountId === account)!;
    const open = stops.filter((client) => exchange.openOrders.has(client));
    if (open.length !== 1) {
      yield wrong(
        "position_is_guarded",
        `${exchange.id} ${symbol} ${sellable}`,
        `${open.length} stops`,
        "1 stop",
      );
    }
  }
}

/** Every change that the audit log tells of was legal and began where the one before had ended. */
async function* transitions({ sql }: World): AsyncGenerator<Violation> {
  const rows = await sql<{ subject: string; was: string; said: string; became: string; is_legal: boolean }[]>`
    select x.subject, coalesce(x.was, '') as was, x.said, x.became, x.is_legal from (
      select a.subject_type || ' ' || a.subject_id as subject, split_part(a.action, '_', 1) as kind, a.id,
        substr(a.action, length(a.subject_type) + 2) as became, coalesce(a.detail ->> 'from', '') as said,
        lag(substr(a.action, length(a.subject_type) + 2)) over (partition by a.subject_type, a.subject_id order by a.id) as was,
        case a.subject_type
          when 'order' then exists (select from trading.order_transitions t where t.from_status = coalesce(a.detail ->> 'from', '')
            and t.to_status = substr(a.action, 7))
          else exists (select from trading.position_transitions t where t.from_status = coalesce(a.detail ->> 'from', '')
            and t.to_status = substr(a.action, 10)) end as is_legal
      from public.audit_log a
      where (a.subject_type = 'order' and a.action ~ '^order_' and a.action <> 'order_resized')
        or (a.subject_type = 'position' and a.action ~ '^position_(created|submitting|open|monitoring|closing|closed|failed)$')) x
    where not x.is_legal or coalesce(x.was, '') <> x.said`;
  for (const { subject, was, said, became } of rows) {
    yield wrong(
      "transition_is_legal",
      subject,
      `${said} (was ${was}) to ${became}`,
      "a row of the transition table",
    );
  }
}
