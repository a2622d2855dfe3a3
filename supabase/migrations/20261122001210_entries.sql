-- Purpose: an entry from the decision to its order.
-- Locks:   ACCESS EXCLUSIVE on settings while a column is added.

set role fillbase_engine;

-- Sends a permitted order to the paper venue: at once, or, with a latency, as a job due when it would arrive.
create function trading.send_paper_order(p_order public.orders, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.market_at > p_now then
    perform trading.enqueue_job('sync', 'arrive:' || p_order.id, p_order.portfolio_id, true, p_order.market_at,
      p_position_id => p_order.position_id, p_order_id => p_order.id);
    return p_order;
  end if;
  return trading.fold_report(p_order.id, trading.paper_submit(p_order, p_now), p_now);
end
$$;
comment on function trading.send_paper_order is 'Executes a submitting paper order now, or queues its arrival after the seeded latency.';

-- Attempts ----------------------------------------------------------------------------------------------------------

alter table trading.settings add column entry_attempts int not null default 3 check (entry_attempts between 1 and 10);
comment on column trading.settings.entry_attempts is 'How many orders a live decision may get while each one before is proven never to have left, or was refused for its time alone.';

-- Every attempt has a position, an order and a client id of its own, so that nothing said about one can be taken for another.
create function trading.entry_position_id(p_signal_id uuid, p_decision_id text, p_attempt int) returns uuid
language sql immutable
return trading.derived_id(variadic array['position', p_signal_id::text, p_decision_id] || case when p_attempt > 1 then array[p_attempt::text] else '{}' end);
comment on function trading.entry_position_id is 'The id of the position that a decision''s attempt (from 1) opens.';

create function trading.entry_order_id(p_position_id uuid, p_attempt int) returns uuid
language sql immutable
return trading.derived_id('order', p_position_id::text, 'entry', '0', p_attempt::text);
comment on function trading.entry_order_id is 'The id of the entry order of an attempt''s position.';

create function trading.last_entry(p_signal_id uuid, p_decision_id text) returns public.orders
language plpgsql stable set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select o.* into v_order
  from generate_series(1, 10) n join public.orders o on o.id = trading.entry_order_id(trading.entry_position_id(p_signal_id, p_decision_id, n), n)
  order by n desc limit 1;
  return v_order;
end
$$;
comment on function trading.last_entry is 'The entry order of a decision''s newest attempt; all null: there was none.';

-- Nothing of it has left this house, or it was turned away at the door, or the exchange looked at nothing but the clock: trying
-- again cannot buy twice. Whoever wanted it cancelled meant the decision. A job that is over is not there to try again; one that
-- is queued may still be denied.
create function trading.may_enter_again(p_order public.orders, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return not p_order.is_paper_trade and p_order.reason = ''
    and (p_order.state = 'not_sent' or (p_order.state = 'rejected' and p_order.error_code in ('clock_skewed', 'turned_away')))
    and p_order.attempt < (select s.entry_attempts from trading.settings s)
    and not exists (select from trading.jobs j where j.position_id = p_order.position_id and j.kind = 'cancel' and j.order_id = p_order.id
      and j.payload ->> 'reason' <> 'entry_timeout')
    and exists (
      select from public.signals s
      join public.traders t on t.id = s.trader_id
      join trading.jobs j on j.key = 'enter:' || s.id || ':' || s.decision_id and j.status in ('queued', 'running')
      where s.id = p_order.signal_id and s.status = 'ready' and s.decision = 'enter_trade'
        and p_order.position_id = trading.entry_position_id(s.id, s.decision_id::text, p_order.attempt)
        and p_now < s.decided_at + make_interval(secs => t.signal_ttl_seconds));
end
$$;
comment on function trading.may_enter_again is
  'Whether a live entry that has ended is proven never to have been placed and its decision gets another attempt: within its signal''s time and settings.entry_attempts, not cancelled, its job not over.';

-- Entry -------------------------------------------------------------------------------------------------------------

create function trading.store_verdict(p_assessment jsonb, p_signal public.signals, p_trader public.traders, p_portfolio_id uuid, p_now timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid := trading.derived_id('risk_check', p_signal.id::text, p_signal.decision_id::text, clock_timestamp()::text);
begin
  insert into trading.risk_checks (id, user_id, trader_id, signal_id, portfolio_id, decision_id, passed, code, message, rules, facts, checked_at)
  values (v_id, p_trader.user_id, p_trader.id, p_signal.id, p_portfolio_id, p_signal.decision_id, (p_assessment ->> 'passed')::boolean,
    p_assessment ->> 'code', p_assessment ->> 'message', p_assessment -> 'rules', p_assessment -> 'facts', p_now);
  perform trading.audit(p_now, case when (p_assessment ->> 'passed')::boolean then 'risk_passed' else 'risk_denied' end, p_trader.user_id,
    p_trader.id, 'signal', p_signal.id::text,
    jsonb_strip_nulls(jsonb_build_object('risk_check_id', v_id, 'decision_id', p_signal.decision_id, 'code', p_assessment ->> 'code')));
  if not (p_assessment ->> 'passed')::boolean then
    perform trading.raise_alert(p_now, 'info', 'entry_denied:' || (p_assessment ->> 'code'), p_trader.user_id, 'trader', p_trader.id::text,
      format('An entry in %s was denied: %s', p_signal.symbol, p_assessment ->> 'message'),
      jsonb_build_object('risk_check_id', v_id, 'signal_id', p_signal.id, 'code', p_assessment ->> 'code'));
  end if;
end
$$;
comment on function trading.store_verdict is 'Stores a verdict with its rules and facts, audits it, and alerts the owner of a denial.';

-- Intent and permit are one commit: trading was active in the facts it was judged by, and the last gate looks again before
-- that commit (trading.tg_orders__confirm_permit), so that none is given after a halt has committed.
create function trading.insert_entry(
  p_signal public.signals, p_trader public.traders, p_account trading.accounts, p_facts jsonb, p_now timestamptz, p_attempt int default 1
) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order       public.orders;
  v_position_id uuid := trading.entry_position_id(p_signal.id, p_signal.decision_id::text, p_attempt);
  v_order_id    uuid := trading.entry_order_id(v_position_id, p_attempt);
  v_client_id   text := trading.client_order_id(v_order_id);
  v_is_limit    boolean := p_facts ->> 'order_type' = 'limit';
  v_targets     numeric[] := array(select e::numeric from jsonb_array_elements_text(p_facts -> 'take_profits') e);
begin
  insert into public.positions (id, user_id, trader_id, signal_id, portfolio_id, account_id, symbol, status, is_paper_trade, stop_loss_price,
    take_profit_price, take_profit_prices, max_loss_usdt, created_at, updated_at)
  values (v_position_id, p_trader.user_id, p_trader.id, p_signal.id, p_account.portfolio_id, p_account.id, p_signal.symbol, 'submitting',
    p_account.environment = 'paper', (p_facts ->> 'stop')::numeric, v_targets[1], v_targets, (p_facts ->> 'max_loss')::numeric, p_now, p_now);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type,
    time_in_force, quantity, price, client_order_id, state, state_epoch, permitted_at, is_paper_trade, market_at, expires_at, created_at, updated_at)
  select v_order_id, p_trader.user_id, p_trader.id, p_signal.id, v_position_id, p_account.portfolio_id, p_account.id, 'entry', p_attempt,
    p_signal.symbol, 'BUY', 'LIMIT', case when v_is_limit then 'GTC' else 'IOC' end, (p_facts ->> 'quantity')::numeric,
    (p_facts ->> 'price')::numeric, v_client_id, 'submitting', (p_facts ->> 'state_epoch')::bigint, p_now, p_account.environment = 'paper',
    (p_facts ->> 'market_at')::timestamptz + trading.paper_latency(v_order_id, s),
    case when v_is_limit then p_now + make_interval(secs => p_trader.entry_timeout_seconds) end, p_now, p_now
  from trading.settings s
  returning * into v_order;
  insert into trading.reservations (order_id, portfolio_id, account_id, side, asset, amount, per_unit)
  values (v_order.id, v_order.portfolio_id, v_order.account_id, 'BUY', 'USDT', v_order.quantity * v_order.price, v_order.price);
  if v_is_limit then
    perform trading.enqueue_job('cancel', 'timeout:' || v_order.id, v_order.portfolio_id, v_order.is_paper_trade,
      v_order.expires_at, p_position_id => v_position_id, p_order_id => v_order.id,
      p_payload => jsonb_build_object('reason', 'entry_timeout'));
  end if;
  return v_order;
end
$$;
comment on function trading.insert_entry is 'The intent of an entry with its permit: position and order submitting, cash reserved, time-out queued.';

-- Why a decision has nothing to do any more, or null. Read under the portfolio's lock.
create function trading.entry_obstacle(p_signal public.signals, p_job trading.jobs) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case
      when p_signal.id is null then 'signal_gone'
      when exists (select from public.positions p where p.signal_id = p_signal.id and p.status <> 'failed') then 'signal_has_position'
      when p_signal.decision_id::text is distinct from p_job.payload ->> 'decision_id' or p_signal.decision <> 'enter_trade' then 'decision_superseded'
      when p_signal.status in ('completed', 'expired') then 'signal_ended'
    end
  );
end
$$;
comment on function trading.entry_obstacle is 'signal_gone, signal_has_position, decision_superseded, signal_ended, or null when the decision may be executed.';

-- One transaction: lock portfolio, account and signal; read again in later statements; judge; reserve; record the intent.
create function trading.plan_entry(p_job trading.jobs, p_now timestamptz, p_attempt int default 1) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_signal     public.signals;
  v_trader     public.traders;
  v_account    trading.accounts;
  v_obstacle   text;
  v_assessment jsonb;
  v_order      public.orders;
begin
  perform trading.lock_portfolio(p_job.portfolio_id);
  select t.* into v_trader from public.traders t join public.signals s on s.trader_id = t.id where s.id = p_job.signal_id;
  if v_trader.user_id is not null then
    v_account := case when p_job.is_paper then trading.ensure_paper_account(v_trader, p_now) else trading.live_account(v_trader.user_id) end;
    perform from trading.accounts a where a.id = v_account.id for no key update;
  end if;
  perform from public.signals s where s.id = p_job.signal_id for no key update;
  select * into v_signal from public.signals s where s.id = p_job.signal_id;
  v_obstacle := trading.entry_obstacle(v_signal, p_job);
  if v_obstacle is not null then
    perform trading.audit(p_now, 'decision_ignored', v_trader.user_id, v_trader.id, 'signal', p_job.signal_id::text,
      jsonb_build_object('code', v_obstacle, 'decision_id', p_job.payload ->> 'decision_id'));
    return jsonb_build_object('outcome', 'ignored', 'code', v_obstacle);
  end if;
  if v_trader.paper_trade_mode is distinct from p_job.is_paper or v_trader.user_id is null then
    perform trading.set_signal_status(v_signal.id, 'rejected', 'trader_changed', 'the trader changed its mode or owner after the decision', p_now);
    return jsonb_build_object('outcome', 'denied', 'code', 'trader_changed');
  end if;
  -- A decision made for a market before a stop does not come to life again when the stop is over.
  if trading.was_stopped_since(v_trader.user_id, p_job.portfolio_id, v_account.id, case when not p_job.is_paper then v_trader.id end,
    p_job.id, v_signal.decided_at, p_now) then
    perform trading.set_signal_status(v_signal.id, 'rejected', 'trading_not_active', 'trading was stopped after the decision and resumed since', p_now);
    return jsonb_build_object('outcome', 'denied', 'code', 'trading_not_active');
  end if;

  v_assessment := trading.assess_entry(v_signal, v_trader, p_now);
  if not (v_assessment ->> 'passed')::boolean and (v_assessment ->> 'is_retryable')::boolean
    and p_now < v_signal.decided_at + make_interval(secs => v_trader.signal_ttl_seconds) then
    return jsonb_build_object('outcome', 'retry', 'code', v_assessment ->> 'code', 'message', v_assessment ->> 'message');
  end if;
  perform trading.store_verdict(v_assessment, v_signal, v_trader, p_job.portfolio_id, p_now);
  if not (v_assessment ->> 'passed')::boolean then
    perform trading.set_signal_status(v_signal.id, 'rejected', v_assessment ->> 'code', v_assessment ->> 'message', p_now);
    return jsonb_build_object('outcome', 'denied', 'code', v_assessment ->> 'code', 'message', v_assessment ->> 'message');
  end if;
  v_order := trading.insert_entry(v_signal, v_trader, v_account, v_assessment -> 'facts', p_now, p_attempt);
  return jsonb_build_object('outcome', 'planned', 'order_id', v_order.id, 'position_id', v_order.position_id);
end
$$;
comment on function trading.plan_entry is
  'Judges a decision and records the intent, a live decision''s p_attempt-th: outcome planned (order_id, position_id), denied or retry (code, message), ignored (code).';

create function trading.execute_entry(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_plan  jsonb := trading.plan_entry(p_job, p_now);
  v_order public.orders;
begin
  if v_plan ->> 'outcome' <> 'planned' then
    return v_plan;
  end if;
  select * into v_order from public.orders where id = (v_plan ->> 'order_id')::uuid;
  v_order := trading.send_paper_order(v_order, p_now);
  return jsonb_build_object('outcome', v_order.state, 'position_id', v_order.position_id, 'order_id', v_order.id);
end
$$;
comment on function trading.execute_entry is 'A paper entry from decision to fill in one transaction: the same plan and report as a live one.';

reset role;
