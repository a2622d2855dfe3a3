/**
 * Bugs, planted on purpose: what the simulation is worth is what it finds. Each replaces a few words of one function in the
 * seed's own database, or stands between the worker and the exchange; nothing of it is in the migrations or in the worker.
 */
import type { Sql } from "postgres";
import type {
  OrderRequest,
  PairRequest,
  ReplaceRequest,
  VenueAnswer,
} from "../../supabase/functions/_shared/domain/venue.ts";
import type { Leave, Venue } from "../../supabase/functions/_shared/ports/venue.ts";
import type { VenueBug } from "./world.ts";

export interface Bug {
  /** What is wrong, in words. */
  readonly what: string;
  readonly venue?: VenueBug;
  readonly plant?: (sql: Sql) => Promise<void>;
}

/** Other words in the body of a function; both must be exactly as they stand in it. */
type Edit = readonly [functionName: string, words: string, wrongWords: string];

function edited(...edits: readonly Edit[]): (sql: Sql) => Promise<void> {
  return async (sql) => {
    for (const [name, words, wrongWords] of edits) {
      const rows = await sql<{ source: string }[]>`
        select pg_get_functiondef(p.oid) as source from pg_proc p
        where p.pronamespace = 'trading'::regnamespace and p.proname = ${name}`;
      const source = rows[0]?.source;
      if (source === undefined || source.split(words).length !== 2) {
        throw new Error(
          `trading.${name} does not say "${words}" exactly once: the bug has to be planted anew.`,
        );
      }
      await sql.unsafe(`set role fillbase_engine`);
      await sql.unsafe(source.replace(words, () => wrongWords));
      await sql.unsafe(`reset role`);
    }
  };
}

/** A venue with other ways to place orders. */
function placing(
  change: (place: (leave: Leave) => Promise<VenueAnswer>, leave: Leave) => Promise<VenueAnswer>,
): VenueBug {
  return (venue: Venue): Venue => ({
    submit: (symbol: string, order: OrderRequest, leave: Leave) =>
      change((given) => venue.submit(symbol, order, given), leave),
    submitPair: (symbol: string, pair: PairRequest, leave: Leave) =>
      change((given) => venue.submitPair(symbol, pair, given), leave),
    replace: (symbol: string, request: ReplaceRequest, leave: Leave) =>
      change((given) => venue.replace(symbol, request, given), leave),
    checkOrder: (symbol, order, leave) => venue.checkOrder(symbol, order, leave),
    cancel: (symbol, id, leave) => venue.cancel(symbol, id, leave),
    lookup: (symbol, name, leave) => venue.lookup(symbol, name, leave),
    fills: (symbol, request, leave) => venue.fills(symbol, request, leave),
    openOrders: (symbol, leave) => venue.openOrders(symbol, leave),
    balances: (leave) => venue.balances(leave),
    serverTime: () => venue.serverTime(),
  });
}

export const BUGS: Readonly<Record<string, Bug>> = {
  resends_unknown: {
    what: "an order whose answer is missing is sent again",
    venue: placing(async (place, leave) => {
      const answer = await place(leave);
      return answer.outcome === "unknown" ? await place(leave) : answer;
    }),
  },
  unknown_is_rejected: {
    what: "no answer is taken for a refusal",
    plant: edited([
      "fold_placement",
      "when 'accepted' then 'unknown' else",
      "when 'accepted' then 'unknown' when 'unknown' then 'rejected' else",
    ]),
  },
  one_look_proves_absence: {
    what: "an order that one look did not find is taken for never placed",
    plant: edited(["prove_absence", "if v_proof.is_proven then", "if true then"]),
  },
  fills_counted_twice: {
    what: "a fill that is reported a second time gets another number",
    plant: edited([
      "fills_with_rates",
      "'fee_rate', m.bid",
      "'fee_rate', m.bid, 'trade_id', (e.fill ->> 'trade_id') || '-' || (select count(*) from public.trades)",
    ]),
  },
  fills_dropped_after_cancel: {
    what: "a cancelled order is over although fills are missing",
    plant: edited(["next_order_state", "(p_filled >= p_executed)", "(p_filled >= 0)"]),
  },
  reservation_released_on_unknown: {
    what: "the cash of an order that nobody knows the fate of is free again",
    plant: edited([
      "apply_order_report",
      "p_fills.quantity, v_is_final, p_now",
      "p_fills.quantity, v_is_final or v_state = 'unknown', p_now",
    ]),
  },
  ended_stop_counts: {
    what: "a stop that ended, in a replacement that placed no new one, still counts as resting",
    plant: edited([
      "protect_step",
      "v_guard := trading.resting_guard(v_position.id);",
      "v_guard := trading.resting_guard(v_position.id); if v_guard.id is null and exists (select from public.orders o " +
      "where o.position_id = v_position.id and o.role = 'stop_loss' and o.state in ('cancelled', 'expired')) then " +
      `perform trading.note_guarded(v_position.id, null, p_now); return '{"outcome": "done"}'; end if;`,
    ]),
  },
  guard_before_fee: {
    what: "the stop is as large as the purchase, although the fee was taken from it",
    plant: edited([
      "plan_guard",
      "trading.floor_to_step(trading.quantity_there(p_position), v_instrument.lot_step)",
      "trading.floor_to_step(p_position.entry_quantity - p_position.exit_quantity, v_instrument.lot_step)",
    ]),
  },
  permit_after_halt: {
    what: "a halt counts as active at every gate",
    plant: edited(["effective_state", "then 'halted'", "then 'active'"]),
  },
  sells_foreign_coins: {
    what: "an exit sells twice what the position holds",
    plant: edited([
      "insert_live_sell",
      "p_type, 'GTC', p_quantity,",
      "p_type, 'GTC', case p_role when 'exit' then 2 * p_quantity else p_quantity end,",
    ]),
  },
  ignores_send_window: {
    what: "the worker sends however long ago its permit was, with a window that covers it",
    venue: (venue) => {
      const late = placing((place, leave) => place(leave))(venue);
      const stretched = (leave: Leave): Leave => ({
        ...leave,
        window: { ...leave.window, leaveByMs: Infinity, recvWindowMs: 60_000 },
      });
      return {
        ...late,
        submit: (symbol, order, leave) => venue.submit(symbol, order, stretched(leave)),
        submitPair: (symbol, pair, leave) => venue.submitPair(symbol, pair, stretched(leave)),
        replace: (symbol, request, leave) => venue.replace(symbol, request, stretched(leave)),
      };
    },
  },
  wide_receive_window: {
    what: "the exchange is given 5 s to take an order, whatever its permit says",
    venue: placing((place, leave) => place({ ...leave, window: { ...leave.window, recvWindowMs: 5_000 } })),
  },
  clock_measured_once: {
    what: "the exchange's clock stays for ever what it was when it was measured first",
    plant: edited(["measure_clock", "else excluded.offset_ms end", "else c.offset_ms end"]),
  },
  no_engine_stop_on_part: {
    what: "a position has no engine stop before its entry is filled whole",
    plant: edited([
      "settle_entry",
      "perform trading.sync_protection(v_position, p_now);",
      "if p_order.state = 'filled' then perform trading.sync_protection(v_position, p_now); end if;",
    ]),
  },
  anothers_report: {
    what: "fills of the symbol are booked on the order that was asked about, whoever's they are",
    plant: edited([
      "fold_fill_list",
      "o.binance_order_id = f.fill ->> 'exchange_order_id'",
      "o.id = p_call.order_id",
    ]),
  },
};
