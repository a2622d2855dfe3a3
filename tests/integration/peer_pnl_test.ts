import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import { Decimal } from "decimal.js";
import postgres from "postgres";
import { checkBooks, hireTrader, hireUser, listInstruments } from "../../scripts/lib/desk.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import { cloneDatabase } from "../harness/database.ts";

/** Closed trades of freqtrade's backtests on Binance Spot, with its own results. */
const FILE = "../shared/data/freqtrade-usdt-trades.csv";
const ROWS = 252;
/** The file is rounded to 8 decimals; a correct result is within half of that. */
const TOLERANCE = "0.00000001";

const Money = Decimal.clone({ precision: 120 });

/** A row of the file; numbers stay text. */
interface PeerTrade {
  readonly run: string;
  readonly pair: string;
  readonly amount: string;
  readonly open_rate: string;
  readonly close_rate: string;
  readonly fee_open: string;
  readonly fee_close: string;
  readonly profit_abs: string;
  readonly profit_ratio: string;
  readonly open_timestamp: string;
  readonly close_timestamp: string;
}

/** A fill as a venue reports it, its fee in quote as the peer took it. */
interface PeerFill {
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly fee_asset: "USDT";
  readonly trade_id: string;
  readonly executed_at: string;
}

/**
 * One position of one buy and one sell through the commands that record what a venue says: the intent, its permit and
 * its report, for the entry and for the exit.
 */
const REPLAY = `
create function pg_temp.replay(p_trader_id uuid, p_symbol text, p_buy jsonb, p_sell jsonb) returns uuid
language plpgsql as $$
declare
  v_bought   timestamptz := p_buy ->> 'executed_at';
  v_sold     timestamptz := p_sell ->> 'executed_at';
  v_trader   public.traders;
  v_signal   public.signals;
  v_order    public.orders;
  v_position public.positions;
  v_exit     trading.jobs;
begin
  select * into v_trader from public.traders where id = p_trader_id;
  insert into public.signals (trader_id, symbol, decision) values (p_trader_id, p_symbol, 'wait') returning * into v_signal;
  v_order := trading.insert_entry(v_signal, v_trader, trading.ensure_paper_account(v_trader, v_bought), jsonb_build_object(
    'order_type', 'market', 'quantity', p_buy ->> 'quantity', 'price', p_buy ->> 'price', 'stop', '0.00000001',
    'take_profits', '[]'::jsonb, 'state_epoch', '0'), v_bought);
  perform trading.fold_report(v_order.id, jsonb_build_object('status', 'filled', 'executed_quantity', p_buy ->> 'quantity',
    'fills', jsonb_build_array(p_buy)), v_bought);

  perform trading.begin_closing(v_order.position_id, 'replay', v_sold);
  v_position := trading.lock_position(v_order.position_id);
  v_exit.payload := '{"reason": "replay"}';
  v_order := trading.exit_order(v_position, v_exit, (p_sell ->> 'quantity')::numeric, v_sold, v_sold);
  perform trading.fold_report(v_order.id, jsonb_build_object('status', 'filled', 'executed_quantity', p_sell ->> 'quantity',
    'fills', jsonb_build_array(p_sell)), v_sold);
  return v_position.id;
end
$$`;

async function readPeerTrades(): Promise<PeerTrade[] | null> {
  const text = await Deno.readTextFile(FILE).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  return text === null ? null : parse(text, { columns: true }) as PeerTrade[];
}

function fillsOf(trade: PeerTrade): { buy: PeerFill; sell: PeerFill } {
  const fill = (name: string, price: string, rate: string, at: string): PeerFill => ({
    price,
    quantity: trade.amount,
    fee: new Money(trade.amount).times(price).times(rate).toFixed(),
    fee_asset: "USDT",
    trade_id: name,
    executed_at: new Date(Number(at)).toISOString(),
  });
  return {
    buy: fill("buy", trade.open_rate, trade.fee_open, trade.open_timestamp),
    sell: fill("sell", trade.close_rate, trade.fee_close, trade.close_timestamp),
  };
}

function assertClose(found: Decimal.Value, expected: string, what: string): void {
  const difference = new Money(found).minus(expected).abs();
  assert.ok(difference.lte(TOLERANCE), `${what}: ${found} against the peer's ${expected}`);
}

const trades = await readPeerTrades();

Deno.test({
  name: trades
    ? "each closed trade of a peer gives the peer's own profit and ratio to 1e-8, and the books are zero"
    : `each closed trade of a peer gives the peer's own profit (skipped: ${FILE} is not there)`,
  ignore: trades === null,
  async fn() {
    assert.equal(trades!.length, ROWS);
    await using database = await cloneDatabase("peer_pnl");
    const sql = postgres(database.url, { max: 1, onnotice: () => {} });
    try {
      const symbols = new Set(trades!.map(({ pair }) => pair.replace("/", "")));
      await listInstruments(sql, [...symbols].map((symbol) => instrumentFor(symbol)));
      const user = await hireUser(sql, "peer@floor.test");
      const settings = { paper_trade_balance: 1_000_000 };
      const traderId = await hireTrader(sql, { userId: user.id, name: "the peer", settings });
      await sql.unsafe(REPLAY);
      // The account is older than every trade: its counts begin when it was opened.
      const first = new Date(Math.min(...trades!.map(({ open_timestamp }) => Number(open_timestamp))));
      await sql`select trading.ensure_paper_account(t, ${first}) from public.traders t where id = ${traderId}`;
      for (const [index, trade] of trades!.entries()) {
        const { buy, sell } = fillsOf(trade);
        const symbol = trade.pair.replace("/", "");
        const [made] = await sql`
          select pg_temp.replay(${traderId}, ${symbol}, ${sql.json(buy as never)}, ${
          sql.json(sell as never)
        }) as id`;
        const [row] = await sql`
          select status, realized_pnl::text as pnl, entry_cost::text as cost, realized_pnl_percent::text as percent
          from public.positions where id = ${made!["id"]}`;
        const what = `row ${index} (${trade.run}, ${trade.pair})`;
        assert.equal(row!["status"], "closed", what);
        assertClose(row!["pnl"], trade.profit_abs, `profit of ${what}`);
        assertClose(new Money(row!["pnl"]).div(row!["cost"]), trade.profit_ratio, `ratio of ${what}`);
        assertClose(new Money(row!["percent"]).div(100), trade.profit_ratio, `percent of ${what}`);
      }
      const books = await checkBooks(sql);
      assert.deepEqual(Object.entries(books).filter(([, count]) => count !== 0), []);
      const [total] = await sql`select total_trades, total_pnl::text as pnl from public.paper_balances`;
      assert.equal(total!["total_trades"], ROWS);
      const sum = trades!.reduce((sum, { profit_abs }) => sum.plus(profit_abs), new Money(0));
      assert.ok(sum.minus(total!["pnl"]).abs().lte(new Money(TOLERANCE).times(ROWS)));
    } finally {
      await sql.end();
    }
  },
});
