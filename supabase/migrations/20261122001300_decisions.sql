-- Purpose: decisions become jobs, and changes are published to their owner.
-- Locks:   SHARE ROW EXCLUSIVE on signals and signal_analyses while their triggers are created.

set role fillbase_engine;

-- Publishing --------------------------------------------------------------------------------------------------------

create function trading.position_json(p_position public.positions) returns jsonb
language sql stable
return jsonb_build_object('id', p_position.id, 'trader_id', p_position.trader_id, 'signal_id', p_position.signal_id,
    'symbol', p_position.symbol, 'status', p_position.status, 'is_paper_trade', p_position.is_paper_trade,
    'quantity', trading.money_text(p_position.quantity), 'cost', trading.money_text(p_position.cost),
    'entry_price', trading.money_text(p_position.entry_price), 'entry_quantity', trading.money_text(p_position.entry_quantity),
    'exit_price', trading.money_text(p_position.exit_price), 'realized_pnl', trading.money_text(p_position.realized_pnl),
    'fees_paid', trading.money_text(p_position.fees_paid), 'stop_loss_price', trading.money_text(p_position.stop_loss_price),
    'take_profit_price', trading.money_text(p_position.take_profit_price), 'exit_reason', p_position.exit_reason,
    'failure_code', p_position.failure_code, 'failure_reason', p_position.failure_reason,
    'opened_at', p_position.opened_at, 'closed_at', p_position.closed_at, 'version', p_position.version);
comment on function trading.position_json is 'A position for frontends, money as text.';

-- One message per command and user. The version rises by one with each, so a page that sees a gap fetches again.
create function trading.publish_change(p_portfolio_id uuid, p_event text, p_payload jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_portfolio trading.portfolios;
begin
  update trading.portfolios p set version = p.version + 1 where p.id = p_portfolio_id returning * into v_portfolio;
  perform trading.publish('user:' || v_portfolio.user_id, p_event,
    p_payload || jsonb_build_object('portfolio', v_portfolio.mode, 'version', v_portfolio.version));
end
$$;
comment on function trading.publish_change is 'Broadcasts a change on the private channel "user:<id>" of the portfolio''s owner, with the portfolio''s next version.';

create function trading.publish_outcome(p_job trading.jobs, p_outcome jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  if p_outcome ? 'position_id' then
    select * into v_position from public.positions where id = (p_outcome ->> 'position_id')::uuid;
    perform trading.publish_change(p_job.portfolio_id, 'position', jsonb_build_object('position', trading.position_json(v_position),
      'balance', (select trading.money_text(b.current_balance) from public.paper_balances b where b.account_id = v_position.account_id)));
  elsif p_outcome ->> 'outcome' = 'denied' then
    perform trading.publish_change(p_job.portfolio_id, 'signal', jsonb_build_object('signal_id', p_job.signal_id, 'status', 'rejected',
      'code', p_outcome ->> 'code', 'message', p_outcome ->> 'message'));
  end if;
end
$$;
comment on function trading.publish_outcome is 'Tells the owner what a job changed.';

-- Decisions ---------------------------------------------------------------------------------------------------------

-- What a signal says of itself follows its position, whoever writes the row.
create function trading.tg_signals__take_decision() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_position_status text;
  v_is_new boolean := new.decision is not null
    and (tg_op = 'INSERT' or new.decision is distinct from old.decision or new.decision_id is distinct from old.decision_id);
begin
  if v_is_new then
    new.decision_count := case when tg_op = 'INSERT' then 1 else old.decision_count + 1 end;
    if new.decision_id is null or (tg_op = 'UPDATE' and new.decision_id is not distinct from old.decision_id) then
      new.decision_id := trading.derived_id('decision', new.id::text, new.decision_count::text);
    end if;
    if new.decided_at is null or (tg_op = 'UPDATE' and new.decided_at is not distinct from old.decided_at) then
      new.decided_at := trading.engine_now();
    end if;
    -- A decision from the future (a clock or a unit gone wrong) would wait for its time and be answered by nobody.
    new.decided_at := least(new.decided_at, trading.engine_now());
    if new.status in ('new', 'monitoring', 'ready', 'rejected') then
      new.status := case new.decision when 'enter_trade' then 'ready' when 'wait' then 'monitoring' else 'expired' end;
      new.rejection_code := null;
      new.rejection_reason := null;
      new.closed_at := case when new.decision = 'bad_setup' then new.decided_at end;
    end if;
  end if;
  if tg_op = 'UPDATE' then
    select p.status into v_position_status from public.positions p where p.signal_id = new.id and p.status <> 'failed';
    new.status := case
      when v_position_status in ('open', 'monitoring', 'closing') then 'in_position'
      when v_position_status = 'closed' then 'completed'
      -- Its entry is on the way or resting: the signal's fate is the order's.
      when v_position_status in ('created', 'submitting') then old.status
      else new.status end;
  end if;
  return new;
end
$$;
comment on function trading.tg_signals__take_decision is 'Gives each new decision its key, time and signal status; keeps the status of a signal with a position true.';

create function trading.record_decisions(p_signal_ids uuid[]) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_now timestamptz := trading.engine_now();
begin
  insert into public.audit_log (occurred_at, actor, action, user_id, trader_id, subject_type, subject_id, detail)
  select v_now, 'ai', 'decision_recorded', t.user_id, s.trader_id, 'signal', s.id::text,
    jsonb_build_object('decision', s.decision, 'decision_id', s.decision_id, 'symbol', s.symbol, 'confidence', s.confidence::text, 'levels', s.levels)
  from public.signals s join public.traders t on t.id = s.trader_id
  where s.id = any (p_signal_ids) order by s.decided_at, s.id;

  perform trading.set_signal_status(s.id, 'rejected', 'no_owner', 'a trader without an owner cannot trade', v_now)
  from public.signals s join public.traders t on t.id = s.trader_id
  where s.id = any (p_signal_ids) and s.decision = 'enter_trade' and t.user_id is null and s.status = 'ready';

  -- The AI takes back a decision whose entry has bought nothing yet.
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, order_id, payload)
  select 'cancel', 'withdraw:' || o.id, o.portfolio_id, o.is_paper_trade, v_now, o.position_id, o.id,
    jsonb_build_object('reason', 'decision_withdrawn')
  from public.signals s
  join public.positions p on p.signal_id = s.id and p.status in ('created', 'submitting')
  join public.orders o on o.position_id = p.id and o.role = 'entry' and o.state in ('planned', 'submitting', 'unknown', 'working')
  where s.id = any (p_signal_ids) and s.decision in ('wait', 'bad_setup')
  order by o.id
  on conflict (key) do nothing;

  insert into trading.portfolios (id, user_id, mode, created_at)
  select distinct trading.portfolio_id(t.user_id, m.mode), t.user_id, m.mode, v_now
  from public.signals s join public.traders t on t.id = s.trader_id
  cross join lateral (select case when t.paper_trade_mode then 'paper' else 'live' end as mode) m
  where s.id = any (p_signal_ids) and s.decision = 'enter_trade' and t.user_id is not null
    and not exists (select from trading.portfolios p where p.id = trading.portfolio_id(t.user_id, m.mode))
  order by 1
  on conflict do nothing;

  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, signal_id, payload)
  select 'enter', 'enter:' || s.id || ':' || s.decision_id,
    trading.portfolio_id(t.user_id, case when t.paper_trade_mode then 'paper' else 'live' end),
    t.paper_trade_mode, s.decided_at, s.id, jsonb_build_object('decision_id', s.decision_id)
  from public.signals s join public.traders t on t.id = s.trader_id
  where s.id = any (p_signal_ids) and s.decision = 'enter_trade' and t.user_id is not null
  order by s.decided_at, s.id
  on conflict (key) do nothing;
end
$$;
comment on function trading.record_decisions is 'Audits the signals'' newest decisions, queues an entry for each enter_trade with an owner, and the cancel of a resting entry whose decision was taken back. Locks no account.';

create function trading.tg_signals__queue_decisions() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_ids uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id) into v_ids from new_rows n where n.decision is not null;
  else
    select array_agg(n.id) into v_ids from new_rows n join old_rows o on o.id = n.id
    where n.decision is not null and n.decision_id is distinct from o.decision_id;
  end if;
  if v_ids is not null then
    perform trading.record_decisions(v_ids);
  end if;
  return null;
end
$$;
comment on function trading.tg_signals__queue_decisions is 'One pass per statement over the signals whose decision is new.';

create function trading.tg_signal_analyses__carry_decision() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- Several analyses of one signal in a statement: the newest one speaks.
  update public.signals s set decision = a.decision, decision_id = a.id, confidence = a.confidence, levels = a.key_levels,
    decided_at = least(a.created_at, trading.engine_now())
  from (
    select distinct on (n.signal_id) n.* from new_rows n order by n.signal_id, n.created_at desc, n.id desc
  ) a
  where s.id = a.signal_id;
  return null;
end
$$;
comment on function trading.tg_signal_analyses__carry_decision is 'Carries decision, confidence and levels of a new analysis onto its signal.';

reset role;

create trigger signals_100_take_decision before insert or update on public.signals
  for each row execute function trading.tg_signals__take_decision();
create trigger signals_500_queue_inserted after insert on public.signals
  referencing new table as new_rows for each statement execute function trading.tg_signals__queue_decisions();
create trigger signals_500_queue_updated after update on public.signals
  referencing old table as old_rows new table as new_rows for each statement execute function trading.tg_signals__queue_decisions();
create trigger signal_analyses_500_carry_decision after insert on public.signal_analyses
  referencing new table as new_rows for each statement execute function trading.tg_signal_analyses__carry_decision();
