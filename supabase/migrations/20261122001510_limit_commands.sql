-- Purpose: how users set their limits, within the platform's caps, and the conservative ones they begin with.
-- Locks:   SHARE ROW EXCLUSIVE on traders while its trigger is created.

set role fillbase_engine;

-- Read from the catalogue, so that a new limit can be set from the migration on that makes it.
create function trading.limit_names() returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = 'public.risk_limits'::regclass and a.attnum > 0 and not a.attisdropped
      and a.attname <> all ('{id,user_id,trader_id,mode,version,created_at,updated_at}')
  );
end
$$;
comment on function trading.limit_names is 'The columns of risk_limits that are limits.';

-- What a person reads who set limits that cannot be; DETAIL has the constraint's name for whoever looks it up.
create function trading.refuse_limits(p_constraint text, p_words text) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  perform trading.raise_error('FB400', 'limits_invalid',
    case p_constraint
      when 'risk_limits_sizes_ordered' then 'min_position_quote is larger than the largest position, order or exposure'
      when 'risk_limits_stop_guard_whole' then 'the three limits stop_guard_… are set together or not at all'
      when 'risk_limits_low_profit_whole' then 'the four limits low_profit_… are set together or not at all'
      else coalesce(substring(p_constraint from '^risk_limits_(.+)_check$') || ' is out of its range', p_words) end,
    jsonb_strip_nulls(jsonb_build_object('constraint', nullif(p_constraint, ''))),
    'Limits are plain decimal numbers of at most 1000000000000, in text or JSON: percent up to 100, counts and seconds whole; what each is, is in its column''s comment. Null takes one away.');
end
$$;
comment on function trading.refuse_limits is 'Raises FB400 limits_invalid in words, for a violated constraint of risk_limits or (empty name) in p_words. Never returns.';

create function trading.parse_limits(p_limits jsonb) returns public.risk_limits
language plpgsql stable set search_path = ''
as $$
declare
  -- As for levels: more is a mistake, and a number of any length would be copied into every verdict.
  c_largest constant numeric := 1e12;
  v_name       text;
  v_constraint text;
  v_row        public.risk_limits;
begin
  if jsonb_typeof(p_limits) is distinct from 'object' then
    perform trading.refuse_limits('', 'limits must be a JSON object');
  end if;
  select k into v_name from jsonb_object_keys(p_limits) k where k <> all (trading.limit_names()) limit 1;
  if v_name is not null then
    perform trading.raise_error('FB400', 'limits_unknown', format('there is no limit "%s"', left(v_name, 60)),
      jsonb_build_object('allowed', trading.limit_names()), 'DETAIL has the names of all limits.');
  end if;
  -- Text of another syntax would be read as well: 0x64, 1_000, 1e999, NaN.
  select e.key into v_name from jsonb_each_text(p_limits) e
  where case when e.value ~ '^[0-9]{1,13}(\.[0-9]{1,38})?$' then e.value::numeric > c_largest else true end and e.value is not null limit 1;
  if v_name is not null then
    perform trading.refuse_limits('', v_name || ' is no plain decimal number from 0 to 1000000000000');
  end if;
  begin
    v_row := jsonb_populate_record(null::public.risk_limits, p_limits);
  exception when others then
    get stacked diagnostics v_constraint = constraint_name;
    perform trading.refuse_limits(v_constraint, 'a limit is not a usable number: ' || sqlerrm);
  end;
  v_row.min_position_quote := coalesce(v_row.min_position_quote, 10);
  return v_row;
end
$$;
comment on function trading.parse_limits is 'Limits from JSON, in whole: what is not named has no limit. FB400 limits_invalid, limits_unknown.';

-- To lower one limit must not take away the others.
create function trading.merge_limits(p_limits jsonb, p_user_id uuid, p_trader_id uuid, p_mode text) returns public.risk_limits
language plpgsql stable set search_path = ''
as $$
declare
  v_row public.risk_limits;
  v_set jsonb;
begin
  perform trading.parse_limits(p_limits);
  select * into v_row from public.risk_limits r
  where r.trader_id = p_trader_id or (p_trader_id is null and r.trader_id is null and r.user_id = p_user_id and r.mode = p_mode);
  v_set := case when v_row.id is null then '{}' when p_mode = 'live' then trading.capped_limits(to_jsonb(v_row), p_user_id) else to_jsonb(v_row) end;
  return trading.parse_limits((select coalesce(jsonb_object_agg(n, v_set -> n), '{}') from unnest(trading.limit_names()) n where v_set ? n) || p_limits);
end
$$;
comment on function trading.merge_limits is 'The limits of a scope as they will be: those it has, with the named ones changed (null: taken away). Errors of trading.parse_limits.';

create function trading.lower_to_caps(p_row public.risk_limits, p_user_id uuid) returns public.risk_limits
language plpgsql stable set search_path = ''
as $$
declare
  v_stage trading.rollout_stages := trading.rollout_stage(p_user_id);
  v_row   public.risk_limits := p_row;
begin
  v_row.max_position_quote := least(p_row.max_position_quote, v_stage.max_position_quote);
  v_row.max_exposure_quote := least(p_row.max_exposure_quote, v_stage.max_exposure_quote);
  v_row.max_daily_loss_quote := least(p_row.max_daily_loss_quote, v_stage.max_daily_loss_quote);
  return v_row;
end
$$;
comment on function trading.lower_to_caps is 'Limits with the stage''s cap where none was named or one is past it.';

-- What a live user leaves out, the platform does not: the cap takes its place.
create function trading.cap_live_limits(p_row public.risk_limits, p_user_id uuid) returns public.risk_limits
language plpgsql stable set search_path = ''
as $$
declare
  v_stage trading.rollout_stages := trading.rollout_stage(p_user_id);
begin
  if p_row.max_position_quote > v_stage.max_position_quote or p_row.max_exposure_quote > v_stage.max_exposure_quote
    or p_row.max_daily_loss_quote > v_stage.max_daily_loss_quote then
    perform trading.raise_error('FB400', 'limits_past_cap', format('a live limit is past the cap of your rollout stage, %s', v_stage.stage),
      jsonb_build_object('stage', v_stage.stage, 'max_position_quote', trading.money_text(v_stage.max_position_quote),
        'max_exposure_quote', trading.money_text(v_stage.max_exposure_quote), 'max_daily_loss_quote', trading.money_text(v_stage.max_daily_loss_quote)),
      'Stay within the caps; a later stage raises them.');
  end if;
  return trading.lower_to_caps(p_row, p_user_id);
end
$$;
comment on function trading.cap_live_limits is 'Live limits with the stage''s cap where none was named. FB400 limits_past_cap.';

-- The caller holds the portfolio's lock: an entry is judged by the limits before this commit or by those after it.
create function trading.store_limits(p_row public.risk_limits, p_now timestamptz) returns public.risk_limits
language plpgsql volatile set search_path = ''
as $$
declare
  v_row   public.risk_limits := p_row;
  v_names text := (select string_agg(quote_ident(n), ', ') from unnest(trading.limit_names()) n);
  v_constraint text;
begin
  v_row.id := gen_random_uuid();
  v_row.version := 1;
  v_row.created_at := p_now;
  v_row.updated_at := p_now;
  insert into public.risk_limits select (v_row).* on conflict do nothing returning * into v_row;
  if not found then
    -- A trader that changed hands is limited by its new owner.
    execute format('update public.risk_limits r set (%1$s, user_id, updated_at) = (select %1$s, user_id, $2 from (select ($1).*) n)
      where r.trader_id = ($1).trader_id or (($1).trader_id is null and r.trader_id is null and r.user_id = ($1).user_id and r.mode = ($1).mode)
      returning r.*', v_names)
    into v_row using p_row, p_now;
  end if;
  return v_row;
exception when check_violation then
  get stacked diagnostics v_constraint = constraint_name;
  perform trading.refuse_limits(v_constraint, sqlerrm);
end
$$;
comment on function trading.store_limits is 'Writes the one row of its scope, as a new version. FB400 limits_invalid.';

create function trading.limits_answer(p_row public.risk_limits) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return to_jsonb(p_row) || (
    select jsonb_object_agg(a.attname, trading.money_text((to_jsonb(p_row) ->> a.attname)::numeric)) from pg_catalog.pg_attribute a
    where a.attrelid = 'public.risk_limits'::regclass and a.atttypid = 'trading.amount'::regtype);
end
$$;
comment on function trading.limits_answer is 'A row of limits as commands return it: money as text.';

-- Limits arrive as JSON, so that one wrong key or value is answered by name and nothing is half set.
create function public.set_risk_limits(p_limits jsonb, p_trader_id uuid default null, p_mode text default null, p_replace boolean default false) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now     timestamptz := trading.engine_now();
  v_user_id uuid := (select auth.uid());
  v_mode    text := p_mode;
  v_row     public.risk_limits;
begin
  if p_trader_id is not null then
    select t.user_id, case when t.paper_trade_mode then 'paper' else 'live' end into v_user_id, v_mode from public.traders t where t.id = p_trader_id;
    perform trading.require_owner(v_user_id, 'trader', p_trader_id);
  elsif v_user_id is null or p_mode is null or p_mode not in ('paper', 'live') then
    perform trading.raise_error('FB400', 'limits_scope_invalid', 'name a trader, or as a signed-in user the mode paper or live');
  end if;
  perform trading.lock_portfolio(trading.portfolio_id(v_user_id, v_mode));
  v_row := case when coalesce(p_replace, false) then trading.parse_limits(p_limits) else trading.merge_limits(p_limits, v_user_id, p_trader_id, v_mode) end;
  if v_mode = 'live' then
    v_row := trading.cap_live_limits(v_row, v_user_id);
  end if;
  v_row.user_id := v_user_id;
  v_row.trader_id := p_trader_id;
  v_row.mode := case when p_trader_id is null then p_mode end;
  v_row := trading.store_limits(v_row, v_now);
  perform trading.audit(v_now, 'limits_set', v_user_id, p_trader_id, 'risk_limits', v_row.id::text,
    jsonb_build_object('by', (select auth.uid()), 'version', v_row.version, 'limits', p_limits));
  return trading.limits_answer(v_row);
end
$$;
comment on function public.set_risk_limits is
  'Changes the limits of a trader, or of all the caller''s traders of a mode: one JSON object of column names. What is not named stays, unless p_replace; null takes a limit away (live: the cap of the rollout stage takes its place). Returns the whole row, money as text. Lower limits sell nothing, they deny entries. FB400 limits_invalid, limits_unknown, limits_scope_invalid, limits_past_cap; FB404 trader_not_found.';

create function trading.default_limits() returns jsonb
language sql immutable parallel safe
return '{"max_position_quote": 100, "max_exposure_quote": 500, "max_daily_loss_quote": 50}'::jsonb;
comment on function trading.default_limits is 'The conservative limits a user''s first trader begins with (USDT).';

create function trading.give_default_limits(p_trader_id uuid, p_user_id uuid, p_is_live boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_row public.risk_limits := trading.parse_limits(trading.default_limits());
begin
  if p_is_live then
    v_row := trading.lower_to_caps(v_row, p_user_id);
  end if;
  v_row.user_id := p_user_id;
  v_row.trader_id := p_trader_id;
  v_row := trading.store_limits(v_row, p_now);
  perform trading.audit(p_now, 'limits_set', p_user_id, p_trader_id, 'risk_limits', v_row.id::text,
    jsonb_build_object('by', 'default', 'version', v_row.version, 'limits', trading.default_limits()));
end
$$;
comment on function trading.give_default_limits is 'Sets the default limits of a trader that has none; those of a live one within the caps of its owner''s stage.';

create function public.adopt_default_limits(p_trader_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_trader public.traders;
begin
  select * into v_trader from public.traders t where t.id = p_trader_id;
  perform trading.require_owner(v_trader.user_id, 'trader', p_trader_id);
  -- As set_risk_limits does, so that limits which are being set are seen and stay.
  perform trading.lock_portfolio(trading.portfolio_id(v_trader.user_id, case when v_trader.paper_trade_mode then 'paper' else 'live' end));
  if not exists (select from public.risk_limits r where r.trader_id = p_trader_id) then
    perform trading.give_default_limits(p_trader_id, v_trader.user_id, not v_trader.paper_trade_mode, trading.engine_now());
  end if;
  return (select trading.limits_answer(r) from public.risk_limits r where r.trader_id = p_trader_id);
end
$$;
comment on function public.adopt_default_limits is
  'Gives a trader without limits the conservative ones (position 100, exposure 500, daily loss 50 USDT; live no more than the stage''s caps) and returns its limits, money as text; limits that are there stay. FB404 trader_not_found.';

-- What was set on paper may be past the cap that live trading has; what is read then is what holds.
create function trading.cap_limits_of(p_trader_id uuid, p_user_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_old public.risk_limits;
  v_new public.risk_limits;
begin
  select * into v_old from public.risk_limits r where r.trader_id = p_trader_id;
  v_new := trading.lower_to_caps(v_old, p_user_id);
  if v_old.id is null or v_new is not distinct from v_old then
    return;
  end if;
  v_new := trading.store_limits(v_new, p_now);
  perform trading.audit(p_now, 'limits_capped', p_user_id, p_trader_id, 'risk_limits', v_new.id::text, jsonb_build_object('by', (select auth.uid()),
    'version', v_new.version, 'stage', (trading.rollout_stage(p_user_id)).stage));
end
$$;
comment on function trading.cap_limits_of is 'Lowers the stored limits of a trader that goes live to the caps of its owner''s stage, as a new version, audited. FB400 limits_invalid where its smallest position is larger.';

grant execute on function public.set_risk_limits, public.adopt_default_limits to authenticated, service_role;

reset role;

-- Created as postgres, who owns traders.
create function trading.tg_traders__limit_the_first() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- Whoever has a trader already has decided about limits, so a further one waits for its own.
  if not exists (select from public.traders t where t.user_id = new.user_id and t.id <> new.id)
    and not exists (select from public.risk_limits r where r.user_id = new.user_id) then
    perform trading.give_default_limits(new.id, new.user_id, not new.paper_trade_mode, trading.engine_now());
  end if;
  return null;
end
$$;
alter function trading.tg_traders__limit_the_first() owner to fillbase_engine;
-- A user inserts the trader, but may write no limits.
alter function trading.tg_traders__limit_the_first() security definer;
revoke execute on function trading.tg_traders__limit_the_first() from public;
create trigger traders_500_limit_the_first after insert on public.traders
  for each row when (new.user_id is not null) execute function trading.tg_traders__limit_the_first();
create trigger traders_510_limit_the_first_owned after update of user_id on public.traders
  for each row when (old.user_id is null and new.user_id is not null) execute function trading.tg_traders__limit_the_first();

-- Security definer as the one before: a user switches the trader's mode, but may write no limits.
create function trading.tg_traders__cap_live_limits() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.cap_limits_of(new.id, new.user_id, trading.engine_now());
  return null;
end
$$;
alter function trading.tg_traders__cap_live_limits() owner to fillbase_engine;
alter function trading.tg_traders__cap_live_limits() security definer;
revoke execute on function trading.tg_traders__cap_live_limits() from public;
create trigger traders_520_cap_live_limits after update of paper_trade_mode on public.traders
  for each row when (old.paper_trade_mode and not new.paper_trade_mode and new.user_id is not null) execute function trading.tg_traders__cap_live_limits();
