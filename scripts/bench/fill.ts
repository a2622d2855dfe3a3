/** Many open positions with all that guards them, written in bulk. */
import postgres from "postgres";
import { maintainPartitions } from "../../local/realtime/partitions.ts";

const CLOSE_TIMEOUT_S = 2;
const ACCOUNTS = 1_000;

/**
 * Fills a migrated database with `count` open paper positions over the first `symbols` symbols, each with its engine
 * stop and its two resting orders, so that every index a tick reads has its real size. `url` names the superuser: the
 * triggers that would audit each row are silenced, because no tick reads what they write.
 */
export async function fillWithPositions(url: string, count: number, symbols: number): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await maintainPartitions(sql, new Date());
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`set local role fillbase_engine`;
      await insertAccounts(tx);
      await insertPositions(tx, count, symbols);
      await insertGuards(tx);
    });
    await sql`vacuum analyze`;
    await sql`checkpoint`;
  } finally {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

async function insertAccounts(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into trading.portfolios (id, user_id, mode, created_at)
    select md5('portfolio' || n)::uuid, md5('user' || n)::uuid, 'paper', now() from generate_series(1, ${ACCOUNTS}) n`;
  await tx`
    insert into trading.accounts (id, portfolio_id, user_id, environment, created_at)
    select md5('account' || n)::uuid, md5('portfolio' || n)::uuid, md5('user' || n)::uuid, 'paper', now()
    from generate_series(1, ${ACCOUNTS}) n`;
}

/** Stops lie 5 to 50 below a price of 100. */
async function insertPositions(tx: postgres.TransactionSql, count: number, symbols: number): Promise<void> {
  await tx`
    insert into public.positions (id, user_id, portfolio_id, account_id, symbol, status, is_paper_trade, quantity, cost,
      entry_price, entry_quantity, entry_value, entry_cost, entry_time, stop_loss_price, created_at, opened_at, updated_at)
    select md5('position' || n)::uuid, md5('user' || a)::uuid, md5('portfolio' || a)::uuid, md5('account' || a)::uuid,
      s.symbol, 'open', true, 0.5, 50, 100, 0.5, 50, 50, now(), round(95 - n % 4500 / 100.0, 2), now(), now(), now()
    from generate_series(1, ${count}) n
    cross join lateral (select 1 + n % ${ACCOUNTS} as a) account
    join (select symbol, row_number() over (order by symbol) - 1 as place from public.instruments) s
      on s.place = n % ${symbols}`;
}

async function insertGuards(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into trading.engine_stops (position_id, symbol, trigger_price, armed_at)
    select id, symbol, stop_loss_price, now() from public.positions`;
  await tx`
    insert into public.orders (id, user_id, position_id, portfolio_id, account_id, role, attempt, level, symbol, side, type,
      time_in_force, quantity, price, trigger_price, client_order_id, state, is_paper_trade, permitted_at, created_at, updated_at)
    select md5(r.role || p.id)::uuid, p.user_id, p.id, p.portfolio_id, p.account_id, r.role, 1, r.level, p.symbol, 'SELL',
      r.type, 'GTC', p.quantity, case r.level when 1 then 200 - p.stop_loss_price end,
      case r.level when 0 then p.stop_loss_price end, left(r.role, 1) || '-' || replace(p.id::text, '-', ''), 'working', true,
      now(), now(), now()
    from public.positions p
    cross join (values ('stop_loss', 0, 'STOP_LOSS'), ('take_profit', 1, 'LIMIT')) as r (role, level, type)`;
}
