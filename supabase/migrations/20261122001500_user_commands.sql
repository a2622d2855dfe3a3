-- Purpose: what a user may do: preview an entry, close or cancel, fund and reset a paper account; views.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Who is calling: a signed-in user for their own rows, or the service role for anybody's.
create function trading.require_owner(p_owner uuid, p_what text, p_id uuid) returns void
language plpgsql stable set search_path = ''
as $$
begin
  -- "is not true": without a subject in the token the comparison is null, and null must not let anybody in.
  if ((select auth.role()) = 'service_role' and p_owner is not null or p_owner = (select auth.uid())) is not true then
    -- The same answer for what is not there and what is not yours.
    perform trading.raise_error('FB404', p_what || '_not_found', format('there is no such %s', p_what), jsonb_build_object('id', p_id));
  end if;
end
$$;
comment on function trading.require_owner is 'FB404 <what>_not_found unless the caller owns the row or is the service role.';

create function public.preview_entry(p_signal_id uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_signal public.signals;
  v_trader public.traders;
  v_obstacle text;
  v_result jsonb;
begin
  select * into v_signal from public.signals where id = p_signal_id;
  select * into v_trader from public.traders where id = v_signal.trader_id;
  perform trading.require_owner(v_trader.user_id, 'signal', p_signal_id);
  if v_signal.decided_at is null then
    v_signal.decided_at := trading.engine_now();
  end if;
  -- What ends a decision before any rule is asked; the decision itself is taken for granted.
  v_signal.decision := 'enter_trade';
  v_obstacle := trading.entry_obstacle(v_signal,
    jsonb_populate_record(null::trading.jobs, jsonb_build_object('payload', jsonb_build_object('decision_id', v_signal.decision_id))));
  v_result := trading.assess_entry(v_signal, v_trader, trading.engine_now());
  if v_obstacle is not null then
    v_result := v_result || jsonb_build_object('passed', false, 'code', v_obstacle,
      'message', 'the signal already has its position or is over; a decision on it would be ignored');
  end if;
  return jsonb_build_object('passed', v_result -> 'passed', 'code', v_result -> 'code', 'message', v_result -> 'message',
    'rules', v_result -> 'rules', 'quantity', v_result #>> '{facts,quantity}', 'price', v_result #>> '{facts,price}',
    'notional', v_result #>> '{facts,notional}', 'stop', v_result #>> '{facts,stop}', 'take_profits', v_result #> '{facts,take_profits}',
    'max_loss', v_result #>> '{facts,max_loss}', 'order_type', v_result #>> '{facts,order_type}');
end
$$;
comment on function public.preview_entry is 'What would happen if this signal were entered now: verdict, every rule, size and price (text). Writes nothing. FB404 signal_not_found.';

create function public.close_position(p_position_id uuid, p_quantity numeric default null, p_request_id uuid default gen_random_uuid())
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_position public.positions;
  v_job_id   bigint;
  v_key      text := 'close:' || p_position_id || ':' || p_request_id;
  v_payload  jsonb := jsonb_strip_nulls(jsonb_build_object('reason', 'manual', 'quantity', trading.money_text(p_quantity)));
begin
  select * into v_position from public.positions where id = p_position_id;
  perform trading.require_owner(v_position.user_id, 'position', p_position_id);
  if p_quantity is not null and not (p_quantity > 0 and p_quantity <> 'NaN' and p_quantity < 'Infinity') then
    perform trading.raise_error('FB400', 'quantity_invalid', 'the quantity to close must be a positive number, or null for all of it');
  end if;
  if p_quantity < (select i.lot_step from public.instruments i where i.symbol = v_position.symbol) then
    perform trading.raise_error('FB400', 'quantity_below_step', 'the quantity to close is smaller than the exchange''s lot step',
      jsonb_build_object('symbol', v_position.symbol));
  end if;
  if v_position.status in ('closed', 'failed') then
    return jsonb_build_object('position_id', p_position_id, 'status', v_position.status, 'job_id', null);
  end if;
  if not trading.is_new_request('close_position', p_position_id, p_request_id, v_payload, trading.engine_now()) then
    return jsonb_build_object('position_id', p_position_id, 'status', v_position.status,
      'job_id', (select j.id from trading.jobs j where j.key = v_key));
  end if;
  v_job_id := trading.enqueue_job('exit', v_key, v_position.portfolio_id, v_position.is_paper_trade, trading.engine_now(),
    p_position_id => p_position_id, p_payload => v_payload);
  perform trading.audit(trading.engine_now(), 'close_requested', v_position.user_id, v_position.trader_id, 'position', p_position_id::text,
    jsonb_strip_nulls(jsonb_build_object('by', (select auth.uid()), 'quantity', trading.money_text(p_quantity), 'job_id', v_job_id)));
  return jsonb_build_object('position_id', p_position_id, 'status', v_position.status, 'job_id', v_job_id);
end
$$;
comment on function public.close_position is
  'Queues the sale of all or part (base quantity) of a position at market; p_request_id makes a repeated call the same call. An entry still resting is cancelled. FB404 position_not_found, FB400 quantity_invalid, quantity_below_step, request_id_missing, FB409 request_conflict.';

create function public.cancel_entry(p_position_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_position public.positions;
  v_order    public.orders;
begin
  select * into v_position from public.positions where id = p_position_id;
  perform trading.require_owner(v_position.user_id, 'position', p_position_id);
  select * into v_order from public.orders o where o.position_id = p_position_id and o.role = 'entry'
    and o.state in ('planned', 'submitting', 'unknown', 'working', 'partially_filled');
  if not found then
    return jsonb_build_object('position_id', p_position_id, 'job_id', null, 'status', v_position.status);
  end if;
  return jsonb_build_object('position_id', p_position_id, 'status', v_position.status, 'job_id',
    trading.enqueue_job('cancel', 'cancel:' || v_order.id, v_order.portfolio_id, v_order.is_paper_trade, trading.engine_now(),
      p_position_id => p_position_id, p_order_id => v_order.id, p_payload => jsonb_build_object('reason', 'cancelled_by_user')));
end
$$;
comment on function public.cancel_entry is 'Queues the cancel of an entry that is not final, also one whose fate nobody knows; what it has bought stays, protected. FB404 position_not_found.';

create function public.top_up_paper_account(p_trader_id uuid, p_amount numeric, p_request_id uuid default gen_random_uuid()) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_trader  public.traders;
  v_account trading.accounts;
  v_now     timestamptz := trading.engine_now();
  v_balance public.paper_balances;
begin
  select * into v_trader from public.traders where id = p_trader_id;
  perform trading.require_owner(v_trader.user_id, 'trader', p_trader_id);
  if (p_amount > 0 and p_amount <= 1e9 and scale(p_amount) <= 8) is not true then
    perform trading.raise_error('FB400', 'amount_invalid', 'a top-up is a positive number up to 1,000,000,000 with at most 8 decimals');
  end if;
  perform trading.lock_portfolio(trading.ensure_portfolio(v_trader.user_id, 'paper', v_now));
  v_account := trading.ensure_paper_account(v_trader, v_now);
  if trading.is_new_request('top_up', v_account.id, p_request_id, jsonb_build_object('amount', trading.money_text(p_amount)), v_now) then
    perform trading.fund_paper_account(v_account.id, p_amount, 'top_up', p_request_id, v_now);
    update public.paper_balances b set initial_balance = b.initial_balance + p_amount, updated_at = v_now where b.account_id = v_account.id;
    perform trading.refresh_paper_balance(v_account.id, v_now);
    perform trading.audit(v_now, 'paper_top_up', v_trader.user_id, v_trader.id, 'account', v_account.id::text,
      jsonb_build_object('amount', trading.money_text(p_amount)));
  end if;
  select * into v_balance from public.paper_balances where account_id = v_account.id;
  return jsonb_build_object('trader_id', p_trader_id, 'balance', trading.money_text(v_balance.current_balance));
end
$$;
comment on function public.top_up_paper_account is 'Adds USDT to a trader''s paper account, once per p_request_id. FB404 trader_not_found, FB400 amount_invalid, FB409 request_conflict.';

create function public.reset_paper_account(p_trader_id uuid, p_request_id uuid default gen_random_uuid()) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_trader  public.traders;
  v_account trading.accounts;
  v_now     timestamptz := trading.engine_now();
  v_cash    numeric;
begin
  select * into v_trader from public.traders where id = p_trader_id;
  perform trading.require_owner(v_trader.user_id, 'trader', p_trader_id);
  perform trading.lock_portfolio(trading.ensure_portfolio(v_trader.user_id, 'paper', v_now));
  v_account := trading.ensure_paper_account(v_trader, v_now);
  if not trading.is_new_request('reset', v_account.id, p_request_id, '{}', v_now) then
    return jsonb_build_object('trader_id', p_trader_id, 'balance', trading.money_text(v_trader.paper_trade_balance));
  end if;
  if exists (select from public.positions p where p.account_id = v_account.id and p.status not in ('closed', 'failed')) then
    perform trading.raise_error('FB409', 'account_has_open_positions', 'a paper account is reset only when it holds no position',
      jsonb_build_object('trader_id', p_trader_id), 'Close its positions first.');
  end if;
  select b.amount into v_cash from trading.balances b where b.account_id = v_account.id and b.asset = 'USDT' and b.bucket = 'cash';
  if coalesce(v_cash, 0) <> v_trader.paper_trade_balance then
    perform trading.fund_paper_account(v_account.id, v_trader.paper_trade_balance - coalesce(v_cash, 0), 'paper_reset', p_request_id, v_now);
  end if;
  update public.paper_balances b set initial_balance = v_trader.paper_trade_balance, total_pnl = 0, total_trades = 0, winning_trades = 0,
    -- After every position closed so far, also where market time stands still.
    reset_at = greatest(v_now, (select max(p.closed_at) + interval '1 microsecond' from public.positions p where p.account_id = v_account.id)),
    losing_trades = 0, updated_at = v_now where b.account_id = v_account.id;
  perform trading.refresh_paper_balance(v_account.id, v_now);
  perform trading.restart_marks_of_account(v_account.id, v_account.portfolio_id, v_now);
  perform trading.audit(v_now, 'paper_reset', v_trader.user_id, v_trader.id, 'account', v_account.id::text,
    jsonb_build_object('from', trading.money_text(v_cash), 'to', trading.money_text(v_trader.paper_trade_balance)));
  return jsonb_build_object('trader_id', p_trader_id, 'balance', trading.money_text(v_trader.paper_trade_balance));
end
$$;
comment on function public.reset_paper_account is 'Sets a paper account back to the trader''s start balance; its history stays. FB409 account_has_open_positions, FB404 trader_not_found.';

grant execute on function public.preview_entry, public.close_position, public.cancel_entry,
  public.top_up_paper_account, public.reset_paper_account to authenticated, service_role;

create view public.position_values with (security_invoker = true) as
  select p.id as position_id, p.user_id, p.trader_id, p.symbol, p.status, trading_quantity.quantity, m.bid::text as bid,
    trim_scale(p.quantity * m.bid)::text as value, trim_scale(p.quantity * m.bid - p.cost)::text as unrealized_pnl, m.observed_at as priced_at
  from public.positions p
  cross join lateral (select trim_scale(p.quantity)::text as quantity) trading_quantity
  left join public.market_prices m on m.symbol = p.symbol
  where p.status not in ('closed', 'failed');
comment on view public.position_values is 'Open positions at the current bid, money as text: unrealized PnL is computed here and never stored.';
revoke all on public.position_values from public, anon, authenticated, service_role;
grant select on public.position_values to authenticated, service_role;

reset role;
