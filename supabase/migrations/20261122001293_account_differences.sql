-- Purpose: what a comparison of an exchange account with its books makes of what it found.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Assets ------------------------------------------------------------------------------------------------------------

create function trading.compare_assets(p_account_id uuid, p_balances jsonb) returns table (kind text, asset text, expected numeric, found numeric)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with there as (
      select b.asset, b.free + b.locked as total from jsonb_to_recordset(p_balances) as b (asset text, free numeric, locked numeric)
    ), assets as (
      select t.asset from there t
      union select b.asset from trading.balances b where b.account_id = p_account_id and b.bucket in ('cash', 'position', 'dust')
      union select h.asset from trading.outside_holdings h where h.account_id = p_account_id
    ), compared as (
      select a.asset, coalesce(t.total, 0) as found, trading.managed_quantity(p_account_id, a.asset) as managed,
        coalesce(trading.outside_quantity(p_account_id, a.asset), 0) as outside
      from assets a left join there t using (asset)
    )
    select case when c.asset = 'USDT' then 'cash_moved' when c.found < c.managed then 'coins_missing' else 'coins_moved' end,
      c.asset, c.managed + c.outside, c.found
    from compared c where c.found <> c.managed + c.outside order by c.asset;
end
$$;
comment on function trading.compare_assets is 'Assets that an exchange account does not hold as the books explain: cash_moved, coins_moved (the owner''s own) or coins_missing (managed ones).';

-- A purchase of ours that rests, or ended just now, may have been executed and not be shown so yet.
create function trading.assets_of_purchases(p_account_id uuid, p_since timestamptz) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select unnest(array[i.base_asset, i.quote_asset]) from public.orders o join public.instruments i on i.symbol = o.symbol
    where o.account_id = p_account_id and not o.is_paper_trade and o.side = 'BUY' and o.submitted_at is not null and o.type = 'LIMIT' and o.time_in_force = 'GTC'
      and (o.finished_at is null or (o.finished_at >= p_since and o.state in ('cancelled', 'expired'))));
end
$$;
comment on function trading.assets_of_purchases is 'Assets that a resting purchase, or one that ended unfilled since p_since, would move.';

-- Just what a resting stop or target would sell is gone, and money came: that is what its execution looks like.
create function trading.assets_of_sales(p_account_id uuid, p_balances jsonb) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    with differences as (select * from trading.compare_assets(p_account_id, p_balances))
    select unnest(array[i.base_asset, i.quote_asset])
    from differences d join public.instruments i on i.base_asset = d.asset
    join public.orders o on o.symbol = i.symbol and o.account_id = p_account_id
    where not o.is_paper_trade and o.side = 'SELL' and o.state in ('working', 'partially_filled') and o.quantity - o.filled_quantity = d.expected - d.found
      and exists (select from differences c where c.kind = 'cash_moved' and c.found > c.expected));
end
$$;
comment on function trading.assets_of_sales is 'Assets whose differences are just what a resting sell of ours would make.';

create function trading.was_seen_for_a_minute(p_account_id uuid, p_difference jsonb, p_started_at timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.account_checks c
    where c.account_id = p_account_id and c.started_at <= p_started_at - interval '1 minute' and c.differences @> jsonb_build_array(p_difference)
      and not exists (select from trading.account_checks n where n.account_id = c.account_id and n.id > c.id and not n.differences @> jsonb_build_array(p_difference)));
end
$$;
comment on function trading.was_seen_for_a_minute is 'Whether all comparisons of the last minute, and one before it, found the very same.';

-- A reader at the exchange may lag: what is seen counts when it was seen before, five seconds ago or more.
create function trading.was_seen_before(p_previous trading.account_checks, p_difference jsonb, p_started_at timestamptz) returns boolean
language sql immutable
return p_previous.started_at <= p_started_at - interval '5 seconds' and p_previous.differences @> jsonb_build_array(p_difference);
comment on function trading.was_seen_before is 'Whether the comparison before, at least five seconds ago, found the very same.';

create function trading.settle_asset(p_account_id uuid, p_difference jsonb, p_is_first boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_asset   text := p_difference ->> 'asset';
  v_found   numeric := (p_difference ->> 'found')::numeric;
  v_managed numeric := trading.managed_quantity(p_account_id, v_asset);
begin
  if p_difference ->> 'kind' = 'cash_moved' then
    perform trading.book_outside_cash(p_account_id, v_found, p_now);
    return;
  end if;
  if trading.explain_by_fees(p_account_id, v_asset, v_managed - v_found, p_now) then
    v_managed := v_found;
  end if;
  perform trading.set_outside_quantity(p_account_id, v_asset, greatest(v_found - v_managed, 0), not p_is_first, p_now);
  if v_managed > v_found then
    perform trading.note_missing_coins(p_account_id, v_asset, v_managed - v_found, p_now);
  end if;
end
$$;
comment on function trading.settle_asset is 'What follows from a difference that is certain: cash is booked, the owner''s own coins are remembered, missing ones set aside.';

-- The first comparison of an account is its beginning: nothing of ours can be on its way.
create function trading.settle_assets(p_account_id uuid, p_balances trading.exchange_calls, p_previous trading.account_checks, p_unsettled text[], p_now timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_row   record;
  v_one   jsonb;
  v_all   jsonb := '[]';
  v_slow  text[] := trading.assets_of_purchases(p_account_id, p_balances.permitted_at - interval '1 minute')
    || trading.assets_of_sales(p_account_id, p_balances.answer -> 'balances');
begin
  for v_row in select * from trading.compare_assets(p_account_id, p_balances.answer -> 'balances') d where d.asset <> all (p_unsettled) loop
    v_one := jsonb_build_object('kind', v_row.kind, 'asset', v_row.asset, 'expected', trading.money_text(v_row.expected), 'found', trading.money_text(v_row.found));
    v_all := v_all || v_one;
    if p_previous.id is not null and v_row.asset = any (v_slow) and not trading.was_seen_for_a_minute(p_account_id, v_one, p_balances.permitted_at) then
      perform trading.queue_account_check(p_account_id, 'confirm', p_now + interval '1 minute');
    elsif p_previous.id is null or trading.was_seen_before(p_previous, v_one, p_balances.permitted_at) then
      perform trading.settle_asset(p_account_id, v_one, p_previous.id is null, p_now);
    else
      perform trading.queue_account_check(p_account_id, 'confirm', p_now + interval '5 seconds');
    end if;
  end loop;
  -- Coins that are back, or were never gone: nothing lacks them any more.
  perform trading.apportion_missing(p_account_id, i.base_asset, 0, p_now)
  from trading.quarantines q join public.instruments i on i.symbol = q.symbol
  where q.account_id = p_account_id and q.ended_at is null and q.missing_quantity > 0 and i.base_asset <> all (p_unsettled)
    and not v_all @> jsonb_build_array(jsonb_build_object('kind', 'coins_missing', 'asset', i.base_asset))
  group by i.base_asset;
  return v_all;
end
$$;
comment on function trading.settle_assets is 'Compares what an account holds, acts on what is certain, has the rest looked at again in five seconds; returns all differences.';

-- Orders ------------------------------------------------------------------------------------------------------------

create function trading.compare_orders(p_job trading.jobs, p_account_id uuid) returns setof jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with asked as (
      select c.symbol, c.permitted_at, c.answer from trading.calls_of_walk(p_job, 'open_orders') c
    ), listed as (
      select r as report, a.permitted_at, o.id, o.finished_at, o.state, o.position_id
      from asked a cross join lateral jsonb_array_elements((a.answer -> 'orders') || coalesce(a.answer -> 'unread_orders', '[]')) r
      left join public.orders o on o.client_order_id = r ->> 'client_order_id' and o.account_id = p_account_id
    )
    select jsonb_build_object('kind', case when l.id is not null then 'order_believed_over'
        when trading.is_tagged(l.report ->> 'client_order_id') then 'order_unexplained'
        else 'order_outside' end,
      'symbol', l.report ->> 'symbol', 'client_order_id', l.report ->> 'client_order_id', 'order_id', l.id, 'position_id', l.position_id,
      'side', l.report ->> 'side', 'quantity', l.report ->> 'quantity')
    -- A reader may be as far behind as the engine takes to answer.
    from listed l where l.id is null or l.finished_at < l.permitted_at - interval '10 seconds'
    union all
    select jsonb_build_object('kind', 'order_not_listed', 'symbol', o.symbol, 'client_order_id', o.client_order_id, 'order_id', o.id)
    from asked a join public.orders o on o.account_id = p_account_id and (a.symbol is null or o.symbol = a.symbol)
    where not o.is_paper_trade and o.state in ('working', 'partially_filled') and o.submitted_at < a.permitted_at
      and not exists (select from listed l where l.id = o.id)
    union all
    select jsonb_build_object('kind', 'order_executed_more', 'symbol', o.symbol, 'client_order_id', o.client_order_id, 'order_id', o.id,
      'executed', l.report ->> 'executed_quantity')
    from listed l join public.orders o on o.id = l.id
    where o.finished_at is null and (l.report ->> 'executed_quantity')::numeric > o.venue_executed_quantity;
end
$$;
comment on function trading.compare_orders is
  'Open orders that the books do not explain, or believe over, orders of ours that are not open there, and those that have executed more than the books know.';

create function trading.end_outlived(p_job trading.jobs, p_account_id uuid, p_differences jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_quarantine trading.quarantines;
begin
  for v_quarantine in
    select q.* from trading.quarantines q
    where q.account_id = p_account_id and q.ended_at is null
      and (q.code = 'order_believed_over'
          and exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.outcome = 'accepted' and coalesce(c.symbol, q.symbol) = q.symbol)
          and not p_differences @> jsonb_build_array(jsonb_build_object('kind', q.code, 'order_id', q.detail -> 'order_id'))
        or q.code = 'coins_missing' and exists (select from public.positions p where p.id = q.position_id and p.status in ('closed', 'failed')))
  loop
    perform trading.end_quarantine(v_quarantine, 'comparison', p_now);
    perform trading.queue_protection(v_quarantine.position_id, p_now);
  end loop;
end
$$;
comment on function trading.end_outlived is
  'Ends the quarantines that leave nothing to decide: for an order believed over that is not open at the exchange any more, and for coins of a position that has closed since.';

-- Nobody can be asked about it any more, by no name. That the list of all open orders is without it is all that can be known;
-- if it sold something before, coins are missing.
create function trading.is_gone_with_symbol(p_job trading.jobs, p_difference jsonb) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from public.instruments i where i.symbol = p_difference ->> 'symbol' and i.status = 'DELISTED')
    and exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.symbol is null and c.outcome = 'accepted');
end
$$;
comment on function trading.is_gone_with_symbol is 'Whether an order that is not listed was in a symbol that the exchange has struck off, and the orders of all symbols were listed.';

create function trading.settle_orders(p_job trading.jobs, p_account_id uuid, p_previous trading.account_checks, p_started_at timestamptz, p_now timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := (select a.user_id from trading.accounts a where a.id = p_account_id);
  v_one     jsonb;
  v_all     jsonb := '[]';
begin
  for v_one in select d from trading.compare_orders(p_job, p_account_id) d order by d ->> 'kind' = 'order_outside' limit 100 loop
    v_all := v_all || v_one;
    case v_one ->> 'kind'
      when 'order_unexplained' then
        perform trading.raise_alert(p_now, 'critical', 'order_unexplained', v_user_id, 'account', p_account_id::text,
          format('An order of this installation is open in %s that no row explains; trading on the account is halted.', v_one ->> 'symbol'), v_one);
        perform trading.set_trading_state('account', p_account_id, 'halted', false, 'an order of this installation is unexplained', 'engine', p_now);
      when 'order_outside' then
        perform trading.raise_alert(p_now, 'info', 'orders_outside', v_user_id, 'account', p_account_id::text,
          'The account has open orders that are not the engine''s. They are left alone, and may lock what it manages.', v_one);
      when 'order_executed_more' then
        perform trading.queue_order_sync((v_one ->> 'order_id')::uuid, 'executed_more:' || p_job.id || ':' || p_job.attempts, p_now);
      when 'order_not_listed' then
        if not trading.is_gone_with_symbol(p_job, v_one) then
          perform trading.queue_order_sync((v_one ->> 'order_id')::uuid, 'not_listed:' || p_job.id || ':' || p_job.attempts, p_now);
        elsif p_previous.is_whole and trading.was_seen_before(p_previous, v_one, p_started_at) then
          -- What it executed and no list showed, none will show any more: what it moved is a difference.
          update public.orders o set venue_executed_quantity = o.filled_quantity where o.id = (v_one ->> 'order_id')::uuid;
          perform trading.fold_report(o.id, jsonb_build_object('status', 'cancelled', 'executed_quantity', o.filled_quantity,
            'error_code', 'symbol_delisted', 'error_message', 'the exchange does not know the symbol any more'), p_now)
          from public.orders o where o.id = (v_one ->> 'order_id')::uuid;
        else
          perform trading.queue_account_check(p_account_id, 'confirm', p_now + interval '5 seconds');
        end if;
      when 'order_believed_over' then
        if trading.was_seen_before(p_previous, v_one, p_started_at) then
          perform trading.quarantine(p_account_id, v_one ->> 'symbol', (v_one ->> 'position_id')::uuid, 'order_believed_over',
            format('An order in %s is open at the exchange although the books have its end.', v_one ->> 'symbol'), v_one, p_now);
        else
          perform trading.queue_account_check(p_account_id, 'confirm', p_now + interval '5 seconds');
        end if;
    end case;
  end loop;
  perform trading.end_outlived(p_job, p_account_id, v_all, p_now);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.subject_id = p_account_id::text and a.resolved_at is null
    and ((a.code = 'orders_outside' and not v_all @> '[{"kind": "order_outside"}]')
      or (a.code = 'order_unexplained' and not a.detail ? 'trade_id' and not v_all @> '[{"kind": "order_unexplained"}]'))
    and exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.symbol is null);
  return v_all;
end
$$;
comment on function trading.settle_orders is 'Acts on open orders that do not agree: ours without a row halts the account, ours that should be open is asked about or went with its symbol, foreign ones are told.';

-- Executions --------------------------------------------------------------------------------------------------------

-- A network may deliver a request twice: the exchange then has an order with our tag that no row stands for.
create function trading.note_unexplained_trade(p_account_id uuid, p_trade jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.outside_moves (account_id, kind, asset, quantity, symbol, price, exchange_trade_id, noted_at)
  values (p_account_id, 'trade', p_trade ->> 'asset', (p_trade ->> 'moved')::numeric, p_trade ->> 'symbol', (p_trade ->> 'price')::numeric,
    p_trade ->> 'trade_id', p_now)
  on conflict do nothing;
  perform trading.raise_alert(p_now, 'critical', 'order_unexplained', a.user_id, 'account', a.id::text,
    format('An order of this installation was executed in %s that no row explains: what it moved counts as the owner''s own. Trading on the account is halted.', p_trade ->> 'symbol'),
    p_trade)
  from trading.accounts a where a.id = p_account_id;
  perform trading.set_trading_state('account', p_account_id, 'halted', false, 'an order of this installation is unexplained', 'engine', p_now);
end
$$;
comment on function trading.note_unexplained_trade is 'An execution of an order with our tag and without a row: written down, a critical alert that somebody has to resolve, and the account is halted.';

create function trading.settle_trades(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_row   record;
  v_trade jsonb;
  v_all   jsonb := '[]';
begin
  for v_row in
    select u.symbol, i.base_asset, u.fill, l.answer #>> '{order,client_order_id}' as client_order_id
    from trading.unexplained_fills(p_job, p_account_id) u join public.instruments i on i.symbol = u.symbol
    cross join lateral trading.lookup_of_order(p_job, u.symbol, u.fill ->> 'exchange_order_id') l
    where l.id is not null -- One that was not asked about is left to the next comparison.
  loop
    v_trade := jsonb_build_object('symbol', v_row.symbol, 'trade_id', v_row.fill ->> 'trade_id', 'price', v_row.fill ->> 'price',
      'side', v_row.fill ->> 'side', 'executed_at', v_row.fill ->> 'executed_at');
    if trading.is_tagged(v_row.client_order_id) then
      v_trade := v_trade || jsonb_build_object('asset', v_row.base_asset, 'quantity', v_row.fill ->> 'quantity', 'client_order_id', v_row.client_order_id,
        'exchange_order_id', v_row.fill ->> 'exchange_order_id',
        'moved', case v_row.fill ->> 'side' when 'BUY' then 1 else -1 end * (v_row.fill ->> 'quantity')::numeric);
      perform trading.note_unexplained_trade(p_account_id, v_trade, p_now);
    else
      perform trading.note_outside_move(p_account_id, 'trade', v_row.base_asset,
        case v_row.fill ->> 'side' when 'BUY' then 1 else -1 end * (v_row.fill ->> 'quantity')::numeric, p_now, v_trade);
    end if;
    v_all := v_all || jsonb_build_object('kind', case when trading.is_tagged(v_row.client_order_id) then 'order_unexplained' else 'trade_outside' end,
      'symbol', v_row.symbol, 'trade_id', v_row.fill ->> 'trade_id');
  end loop;
  return v_all;
end
$$;
comment on function trading.settle_trades is 'Writes down the executions that no order explains: the owner''s own trades; one of an order with our tag halts the account.';

create function trading.conclude_account_check(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_previous     trading.account_checks := trading.last_check(p_account_id);
  v_balances     trading.exchange_calls;
  v_unsettled    text[];
  v_contradicted jsonb;
  v_found        jsonb;
begin
  select * into v_balances from trading.calls_of_walk(p_job, 'balances') limit 1;
  v_unsettled := trading.unsettled_assets(p_account_id, v_balances.permitted_at) || trading.assets_of_executions(p_job, p_account_id, v_previous, v_balances.permitted_at);
  v_contradicted := (select coalesce(jsonb_agg(d), '[]') from trading.contradicted_balances(p_job, p_account_id, v_balances.answer -> 'balances', v_previous, v_unsettled) d);
  v_found := trading.settle_orders(p_job, p_account_id, v_previous, v_balances.permitted_at, p_now) || trading.settle_trades(p_job, p_account_id, p_now);
  if v_contradicted = '[]' then
    perform trading.end_contradiction(p_account_id, p_now);
    v_found := v_found || trading.settle_assets(p_account_id, v_balances, v_previous, v_unsettled, p_now);
  else
    perform trading.hold_contradicted(p_account_id, v_contradicted, v_previous, v_balances.permitted_at, p_now);
    v_found := v_found || v_contradicted;
  end if;
  insert into trading.account_checks (account_id, job_id, cause, started_at, finished_at, is_whole, asset_count, order_count, fill_count,
    unsettled_assets, differences)
  values (p_account_id, p_job.id, p_job.payload ->> 'cause', v_balances.permitted_at, p_now,
    exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.symbol is null),
    jsonb_array_length(v_balances.answer -> 'balances'),
    (select coalesce(sum(jsonb_array_length(c.answer -> 'orders')), 0) from trading.calls_of_walk(p_job, 'open_orders') c),
    (select coalesce(sum(jsonb_array_length(c.answer -> 'fills')), 0) from trading.calls_of_walk(p_job, 'fills') c),
    v_unsettled, v_found);
  perform trading.note_compared_symbols(p_job, p_account_id, p_now);
  delete from trading.account_checks c where c.account_id = p_account_id and c.finished_at < p_now - interval '30 days';
  return jsonb_build_object('outcome', 'done', 'differences', jsonb_array_length(v_found), 'unsettled', cardinality(v_unsettled));
end
$$;
comment on function trading.conclude_account_check is 'Writes down a comparison with what did not agree, and acts on what is certain.';

reset role;
