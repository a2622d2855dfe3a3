-- Purpose: the books: every figure here is computed from the tables by queries that share nothing with the commands.
-- Locks:   none.

set role fillbase_engine;

-- States, fills and decisions without their audit row, and seals that do not verify.
create function trading.count_audit_gaps() returns bigint
language sql stable set search_path = ''
as $$
  select
    (select count(*) from public.orders o where not exists (
       select from public.audit_log a where a.subject_id = o.id::text and a.action = 'order_' || o.state))
    + (select count(*) from public.positions p where not exists (
       select from public.audit_log a where a.subject_id = p.id::text and a.action = 'position_' || p.status))
    + (select count(*) from public.trades t where not exists (
       select from public.audit_log a where a.subject_id = t.id::text and a.action = 'fill_recorded'))
    + (select count(*) from public.signals s where s.decision is not null and not exists (
       select from public.audit_log a where a.subject_id = s.id::text and a.action = 'decision_recorded'))
    + (select count(*) from trading.risk_checks c where not exists (
       select from public.audit_log a where a.subject_id = c.signal_id::text and a.action in ('risk_passed', 'risk_denied')))
    + (select count(*) from trading.verify_audit() v where not v.intact)
$$;
comment on function trading.count_audit_gaps is 'How many states, fills, decisions and verdicts lack their audit row, and how many seals do not verify.';

create function trading.check_books() returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    -- Transactions that do not sum to zero, and running balances that differ from their entries.
    'ledger_imbalance', (
      select count(*) from (
        select 1 from trading.ledger_entries e group by e.transaction_id, e.asset having sum(e.amount) <> 0
        union all
        select 1 from (select e.account_id, e.asset, e.bucket, sum(e.amount) as amount from trading.ledger_entries e group by 1, 2, 3) l
        full join trading.balances b using (account_id, asset, bucket)
        where l.amount is distinct from b.amount::numeric
      ) x),
    -- Positions whose quantity, cost or result is not what their fills say.
    'positions_vs_fills', (
      select count(*) from public.positions p
      join public.instruments i on i.symbol = p.symbol
      left join lateral (
        select coalesce(sum(case when t.side = 'BUY' then t.quantity else -t.quantity end), 0)
             - coalesce(sum(t.fee - t.fee_outside) filter (where t.fee_asset = i.base_asset), 0) as held,
          coalesce(sum(t.value) filter (where t.side = 'BUY'), 0) as bought, coalesce(sum(t.value) filter (where t.side = 'SELL'), 0) as sold,
          coalesce(sum(case when t.fee_asset = i.base_asset then t.fee_outside * t.price else t.fee_quote end), 0) as fees
        from public.trades t where t.position_id = p.id) f on true
      cross join lateral (select coalesce(sum(k.quantity), 0) as quantity, coalesce(sum(k.value), 0) as value
        from trading.fee_takings k where k.position_id = p.id) k
      where p.quantity + p.dust_quantity + p.written_off_quantity + k.quantity <> f.held
         or p.realized_pnl - p.cost <> f.sold - f.bought - f.fees + p.dust_value + k.value),
    -- What accounts show against the ledger: cash, held assets, and results of closed positions.
    'balances_vs_ledger', (
      select count(*) from (
        select 1 from public.paper_balances b
        left join (select e.account_id, sum(e.amount) as cash from trading.ledger_entries e
                   where e.asset = 'USDT' and e.bucket = 'cash' group by 1) l on l.account_id = b.account_id
        where b.current_balance <> coalesce(l.cash, 0) or coalesce(l.cash, 0) < 0
        union all
        select 1 from (select p.account_id, i.base_asset as asset, sum(p.quantity) as held
                       from public.positions p join public.instruments i on i.symbol = p.symbol group by 1, 2) h
        full join (select e.account_id, e.asset, sum(e.amount) as held from trading.ledger_entries e
                   where e.bucket = 'position' group by 1, 2) l using (account_id, asset)
        where coalesce(h.held, 0) <> coalesce(l.held, 0)
        union all
        select 1 from public.paper_balances b
        left join (select p.account_id, p.closed_at, p.realized_pnl from public.positions p where p.status = 'closed') p
          on p.account_id = b.account_id and p.closed_at >= b.reset_at
        group by b.account_id, b.total_pnl, b.total_trades
        having b.total_pnl <> coalesce(sum(p.realized_pnl), 0) or b.total_trades <> count(p.account_id)
        union all
        select 1 from trading.reservations r join public.orders o on o.id = r.order_id
        where (r.released_at is null) <> (o.finished_at is null)
      ) x),
    -- Open quantities without an armed engine stop, or on paper without a resting stop for what is sellable.
    'unprotected_positions', (
      select count(*) from public.positions p join public.instruments i on i.symbol = p.symbol
      where p.quantity > 0 and p.status in ('open', 'monitoring', 'closing')
        and (not exists (select from trading.engine_stops s where s.position_id = p.id)
          or (p.is_paper_trade and p.status <> 'closing' and trading.floor_to_step(p.quantity, i.lot_step) <> coalesce(
            (select sum(o.quantity - o.filled_quantity) from public.orders o where o.position_id = p.id and o.role = 'stop_loss'
              and o.state in ('working', 'partially_filled')), 0)))),
    'jobs_left', (
      select count(*) from trading.jobs j
      where j.status = 'running' or j.status = 'dead' or (j.status = 'queued' and j.due_at <= trading.engine_now())),
    'audit_gaps', trading.count_audit_gaps())
$$;
comment on function trading.check_books is
  'Six counts that must all be zero: ledger_imbalance, positions_vs_fills, balances_vs_ledger, unprotected_positions, jobs_left, audit_gaps.';
grant execute on function trading.check_books to service_role;

reset role;
