-- Loaded once into each database that pgTAP files run in. Everything lives in schema tests, which no
-- migration knows of, and every setting it makes is local to the transaction of the calling file.
-- The act_* functions change the role: call them with `select`, alone, and return with tests.act_as_owner().

create schema if not exists tests;
grant usage on schema tests to public;

create or replace function tests.user_id(p_name text) returns uuid
language sql immutable strict set search_path = ''
as $$ select md5('user of tests: ' || p_name)::uuid $$;
comment on function tests.user_id is 'The id that tests.create_user gives to the user of this name, in every run.';

create or replace function tests.create_user(p_name text, p_app_metadata jsonb default '{}') returns uuid
language sql set search_path = ''
as $$
  insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
  values (tests.user_id(p_name), 'authenticated', 'authenticated', p_name || '@example.test', now(), p_app_metadata, '{}', now(), now())
  returning id
$$;
comment on function tests.create_user is 'A confirmed user without a password. Fails when the name is taken.';

create or replace function tests.set_identity(p_role text, p_claims jsonb) returns void
language sql set search_path = ''
as $$
  select set_config('request.jwt.claims', coalesce(p_claims::text, ''), true), set_config('role', p_role, true)
$$;
comment on function tests.set_identity is 'What the Data API does before a request: the claims, then the role.';

create or replace function tests.act_as_user(p_name text, p_claims jsonb default '{}') returns void
language plpgsql set search_path = ''
as $$
begin
  perform set_config('role', 'none', true);
  perform tests.set_identity('authenticated', jsonb_build_object(
    'sub', tests.user_id(p_name), 'role', 'authenticated', 'aud', 'authenticated', 'email', p_name || '@example.test',
    'app_metadata', coalesce((select u.raw_app_meta_data::jsonb from auth.users u where u.id = tests.user_id(p_name)), '{}')
  ) || p_claims);
end
$$;
comment on function tests.act_as_user is 'From here on the session is a request of that user; p_claims adds to the token or replaces.';

create or replace function tests.act_as_anon() returns void
language sql set search_path = ''
as $$ select tests.set_identity('anon', jsonb_build_object('role', 'anon')) $$;
comment on function tests.act_as_anon is 'From here on the session is a request with the publishable key alone.';

create or replace function tests.act_as_service() returns void
language sql set search_path = ''
as $$ select tests.set_identity('service_role', jsonb_build_object('role', 'service_role')) $$;
comment on function tests.act_as_service is 'From here on the session is a request with the secret key, as the Edge Functions send it.';

create or replace function tests.act_as_owner() returns void
language sql set search_path = ''
as $$ select tests.set_identity('none', null) $$;
comment on function tests.act_as_owner is 'Back to the login role postgres, without claims.';

-- The two below keep the caller's search_path: pgTAP needs one, and the statement is the caller's.

create or replace function tests.raises(p_sql text, p_sqlstate text, p_code text, p_description text) returns text
language plpgsql
as $$
declare
  v_message text := 'nothing was raised';
  v_state   text := '00000';
begin
  begin
    execute p_sql;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
  end;
  return is(
    v_state || ' ' || case when v_message like p_code || ':%' then p_code else v_message end,
    p_sqlstate || ' ' || p_code,
    p_description);
end
$$;
comment on function tests.raises is 'Passes when the statement raises that SQLSTATE with a message that begins "p_code:". One assertion.';

create or replace function tests.touches_rows(p_sql text, p_count bigint, p_description text) returns text
language plpgsql
as $$
declare
  v_count bigint;
begin
  execute p_sql;
  get diagnostics v_count = row_count;
  return is(v_count, p_count, p_description);
end
$$;
comment on function tests.touches_rows is
  'Runs the statement and compares how many rows it read or changed: 0 is what row security makes of foreign rows. One assertion.';

-- The desk: one market at 100, a clock that stands still until it is moved, no slippage, fee 0.1 % a side. -----------
-- SOLUSDT counts in steps of 0.001 with a tick of 0.01, so the figures of the tests can be computed by hand.

create or replace function tests.settings(p_values jsonb) returns void
language plpgsql set search_path = ''
as $$
declare
  v_setting record;
begin
  for v_setting in select * from jsonb_each_text(p_values) loop
    execute format('update trading.settings set %I = %L', v_setting.key, v_setting.value);
  end loop;
end
$$;
comment on function tests.settings is 'Changes settings of the installation by column name.';

create or replace function tests.list_symbol(p_symbol text, p_filters jsonb default '{}') returns void
language sql set search_path = ''
as $$
  select trading.apply_instruments(jsonb_build_array(
    '{"quote_asset": "USDT", "status": "TRADING", "tick_size": 0.01, "price_min": 0.01, "price_max": 1000000, "lot_step": 0.001,
      "lot_min": 0.001, "lot_max": 9000, "market_lot_max": 900, "notional_min": 5, "bid_multiplier_up": 5, "bid_multiplier_down": 0.2,
      "ask_multiplier_up": 5, "ask_multiplier_down": 0.2}'::jsonb
    || jsonb_build_object('symbol', p_symbol, 'base_asset', regexp_replace(p_symbol, 'USDT$', '')) || p_filters), 'tests')
$$;
comment on function tests.list_symbol is 'Lists a symbol, or changes its filters; p_filters has the column names of public.instruments.';

create or replace function tests.tick(
  p_bid numeric, p_ask numeric, p_more jsonb default '{}', p_symbol text default 'SOLUSDT', p_after interval default '1 second'
) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  perform trading.set_clock(trading.engine_now() + p_after);
  return trading.apply_prices(jsonb_build_array(jsonb_build_object(
    'symbol', p_symbol, 'bid', p_bid, 'ask', p_ask, 'observed_at', trading.engine_now(), 'source', 'tests') || p_more));
end
$$;
comment on function tests.tick is 'Moves the clock and shows the engine a quote of that moment; p_more may hold high, low, last and depth.';

create or replace function tests.open_desk(p_settings jsonb default '{}') returns void
language plpgsql set search_path = ''
as $$
begin
  perform tests.settings('{"paper_slippage_max": 0}'::jsonb || p_settings);
  perform trading.arm_installation('https://desk.example.test', repeat('desk', 8), 'tests', '2026-03-02 12:00:00+00');
  perform trading.set_clock('2026-03-02 12:00:00+00');
  perform tests.list_symbol('SOLUSDT');
  perform tests.tick(99.99, 100);
end
$$;
comment on function tests.open_desk is 'An armed installation whose clock stands at 12:00:01 with SOLUSDT at 99.99 / 100.';

create or replace function tests.trader_id(p_name text) returns uuid
language sql immutable strict set search_path = ''
as $$ select md5('trader of tests: ' || p_name)::uuid $$;
comment on function tests.trader_id is 'The id that tests.hire gives to the trader of this name, in every run.';

create or replace function tests.hire(
  p_name text, p_owner text default 'ann', p_columns jsonb default '{}',
  p_limits jsonb default '{"max_position_quote": 10000, "max_exposure_quote": 20000, "max_open_positions": 20}'
) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_column record;
begin
  if p_owner is not null and not exists (select from auth.users u where u.id = tests.user_id(p_owner)) then
    perform tests.create_user(p_owner);
  end if;
  insert into public.traders (id, user_id, name, auto_execute_trades, max_slippage_percent) values (tests.trader_id(p_name), tests.user_id(p_owner), p_name, true, 0);
  delete from public.risk_limits r where r.trader_id = tests.trader_id(p_name); -- what a first trader begins with
  for v_column in select * from jsonb_each_text(p_columns) loop
    execute format('update public.traders set %I = %L where name = %L', v_column.key, v_column.value, p_name);
  end loop;
  insert into public.risk_limits (user_id, trader_id, max_position_quote, max_exposure_quote, max_open_positions)
  select tests.user_id(p_owner), tests.trader_id(p_name), r.max_position_quote, r.max_exposure_quote, r.max_open_positions
  from jsonb_populate_record(null::public.risk_limits, p_limits) r
  where p_owner is not null and p_limits is not null;
  return tests.trader_id(p_name);
end
$$;
comment on function tests.hire is
  'A paper trader that buys for 100 USDT at market without slippage; its owner is made when missing. Null limits: it has none.';

create or replace function tests.signal_id(p_name text) returns uuid
language sql immutable strict set search_path = ''
as $$ select md5('signal of tests: ' || p_name)::uuid $$;
comment on function tests.signal_id is 'The id of the signal of this name, in every run.';

create or replace function tests.decide(
  p_signal text, p_trader text, p_levels jsonb default '{"entry": 100, "stopLoss": 95}', p_decision text default 'enter_trade',
  p_confidence numeric default 80, p_symbol text default 'SOLUSDT'
) returns uuid
language plpgsql set search_path = ''
as $$
begin
  insert into public.signals (id, trader_id, symbol) values (tests.signal_id(p_signal), tests.trader_id(p_trader), p_symbol)
  on conflict do nothing;
  insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels, created_at)
  values (tests.signal_id(p_signal), tests.trader_id(p_trader), p_decision, p_confidence, p_levels, trading.engine_now());
  return tests.signal_id(p_signal);
end
$$;
comment on function tests.decide is 'The AI analyses a signal, which is made when missing. Runs nothing.';

-- A worker's loop: claim, execute, hand over errors. A round is one claim; the limit only keeps a defect from hanging.
create or replace function tests.run_jobs(p_rounds int default 100) returns text[]
language plpgsql set search_path = ''
as $$
declare
  v_done text[] := '{}';
  v_jobs jsonb;
  v_job  jsonb;
  v_said text;
begin
  for v_round in 1 .. p_rounds loop
    v_jobs := trading.claim_jobs('tests', 10, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs';
    exit when v_jobs = '[]';
    for v_job in select * from jsonb_array_elements(v_jobs) loop
      begin
        select concat_ws(' ', v_job ->> 'kind', o ->> 'outcome', o ->> 'code') into v_said
        from trading.execute_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint) o;
      exception when others then
        v_said := concat_ws(' ', v_job ->> 'kind', 'error', sqlstate,
          trading.fail_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint, sqlstate, sqlerrm));
      end;
      v_done := v_done || v_said;
    end loop;
  end loop;
  return v_done;
end
$$;
comment on function tests.run_jobs is 'Runs what is due until nothing is: "<kind> <outcome> [code]" of each job, in order.';

create or replace function tests.position_of(p_signal text) returns public.positions
language sql stable set search_path = ''
as $$
  select p from public.positions p where p.signal_id = tests.signal_id(p_signal) order by (p.status = 'failed'), p.created_at desc limit 1
$$;
comment on function tests.position_of is 'The position of a signal.';

create or replace function tests.order_of(p_signal text, p_role text, p_level int default 0) returns public.orders
language sql stable set search_path = ''
as $$
  select o from public.orders o where o.position_id = (tests.position_of(p_signal)).id and o.role = p_role and o.level = p_level
  order by o.attempt desc limit 1
$$;
comment on function tests.order_of is 'The newest order of that role and level of a signal''s position.';

create or replace function tests.enter(p_signal text, p_trader text, p_levels jsonb default '{"entry": 100, "stopLoss": 95}') returns uuid
language plpgsql set search_path = ''
as $$
begin
  perform tests.decide(p_signal, p_trader, p_levels);
  perform tests.run_jobs();
  return (tests.position_of(p_signal)).id;
end
$$;
comment on function tests.enter is 'Decides and runs; returns the position, null when there is none.';

-- Reports of a venue, for what the paper venue never answers: any fills, in any order. ------------------------------

create or replace function tests.resting_entry(p_signal text, p_quantity numeric, p_levels jsonb default '{"entry": 100, "stopLoss": 95}')
returns uuid
language plpgsql set search_path = ''
as $$
begin
  perform tests.hire(p_signal, 'ann', jsonb_build_object('entry_order_type', 'limit', 'sizing_value', p_quantity * 100));
  perform tests.tick(101, 102);
  perform tests.enter(p_signal, p_signal, p_levels);
  return (tests.order_of(p_signal, 'entry')).id;
end
$$;
comment on function tests.resting_entry is 'A limit entry of that quantity at 100 of a trader of its own, resting below the market; returns the order.';

create or replace function tests.sent_exit(p_signal text, p_quantity numeric default null) returns uuid
language plpgsql set search_path = ''
as $$
begin
  perform tests.settings('{"paper_latency_ms": 1000}');
  perform trading.enqueue_job('exit', 'exit of tests: ' || p_signal || clock_timestamp(), p.portfolio_id, true, trading.engine_now(),
    p_position_id => p.id, p_payload => jsonb_strip_nulls(jsonb_build_object('reason', 'manual', 'quantity', p_quantity::text,
      'market_at', trading.engine_now() + interval '1 hour')))
  from tests.position_of(p_signal) p;
  perform tests.run_jobs();
  perform tests.settings('{"paper_latency_ms": 0}');
  return (tests.order_of(p_signal, 'exit')).id;
end
$$;
comment on function tests.sent_exit is 'A market sell on its way to the venue, which will not arrive by itself; returns the order.';

create or replace function tests.fill(
  p_trade_id text, p_price numeric, p_quantity numeric, p_fee numeric default 0, p_fee_asset text default 'USDT', p_more jsonb default '{}'
) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('trade_id', p_trade_id, 'price', p_price, 'quantity', p_quantity, 'fee', p_fee, 'fee_asset', p_fee_asset,
    'executed_at', trading.engine_now()) || p_more
$$;
comment on function tests.fill is 'A fill as a venue reports it.';

create or replace function tests.report(p_order_id uuid, p_status text, p_executed numeric, variadic p_fills jsonb[] default '{}') returns text
language sql set search_path = ''
as $$
  select (trading.fold_report(p_order_id, jsonb_build_object('status', p_status, 'executed_quantity', p_executed, 'fills', to_jsonb(p_fills)),
    trading.engine_now())).state
$$;
comment on function tests.report is 'Folds a report of the venue; returns the state of the order.';

create or replace function tests.snapshot(variadic p_except text[] default '{}')
returns table (table_name text, row_count bigint, digest text)
language plpgsql stable set search_path = ''
as $$
begin
  for table_name in
    select format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'trading', 'realtime', 'net') and c.relkind in ('r', 'p')
      and c.relname <> all (p_except) and not c.relispartition
    order by 1
  loop
    execute format('select count(*), md5(string_agg(t::text, E''\n'' order by t::text)) from %s t', table_name) into row_count, digest;
    return next;
  end loop;
end
$$;
comment on function tests.snapshot is 'Each table of the project with a fingerprint of its rows: compare two of them to show that nothing changed.';

create or replace function tests.rule_says(p_rule text, p_facts jsonb, p_missing text[] default '{}') returns text
language sql stable set search_path = ''
as $$
  select case when e.passed then 'passed' else e.code end
  from trading.evaluate_entry(('{"mode": "paper", "has_venue": true, "stage_allows": true, "is_quarantined": false, "guards_in_symbol": 0, "max_algo_orders": 5, "trader_enabled": true, "auto_execute": true, "side": "long", "trading_state": "active",
    "decision_age_ms": 0, "signal_ttl_ms": 300000, "confidence": 80, "symbol": "SOLUSDT", "symbol_known": true, "symbol_status": "TRADING",
    "quote_asset": "USDT", "bid": 99.99, "ask": 100, "price_age_ms": 0, "max_price_age_ms": 10000, "levels_readable": true,
    "order_type": "market", "entry": 100, "price": 100, "stop": 95, "take_profits": [110], "quantity": 1, "notional": 100,
    "exit_notional": 95, "exit_filter": null, "notional_min": 5, "filter": null, "cash": 10000, "reserved": 0, "equity": 10000, "equity_all": 10000, "exposure": 0,
    "exposure_all": 0, "open_positions": 0, "open_positions_all": 0, "open_in_symbol": 0, "open_in_symbol_all": 0,
    "limits": {"min_position_quote": 10}, "limits_all": null}'::jsonb || p_facts) - p_missing) e
  where e.rule = p_rule
$$;
comment on function tests.rule_says is
  'The verdict of one entry rule on facts that are all good but for p_facts and p_missing: "passed", or the code of the denial.';

create or replace function tests.is_refused(p_signal text, p_code text) returns setof text
language plpgsql
as $$
begin
  return next is((select s.status || ' ' || s.rejection_code from public.signals s where s.id = tests.signal_id(p_signal)),
    'rejected ' || p_code, 'the signal is rejected with the code ' || p_code);
  return next ok((select s.rejection_reason from public.signals s where s.id = tests.signal_id(p_signal)) ~ '[a-z]+ [a-z]+', 'and with words');
  return next is((select count(*) from public.positions) + (select count(*) from public.orders) + (select count(*) from trading.reservations)
    + (select count(*) from trading.ledger_entries e where e.cause_type <> 'paper_start'), 0::bigint, 'and no row of an entry was made');
end
$$;
comment on function tests.is_refused is 'Three assertions: the signal is rejected with that code, with words, and nothing was half made.';

grant execute on all functions in schema tests to public;
