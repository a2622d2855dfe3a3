-- Purpose: how long a live position stands without a stop at the exchange, and what is done about it.
-- Locks:   ACCESS EXCLUSIVE on venue_orders while a column is added.

set role fillbase_engine;

-- When it happened ---------------------------------------------------------------------------------------------------

alter table trading.venue_orders add column changed_at timestamptz;
comment on column trading.venue_orders.changed_at is
  'When the order last changed at the exchange (placed, executed, ended), by our clock: neither before its permit nor after we heard of it. Null: no report told.';

create function trading.our_time(p_account_id uuid, p_at timestamptz) returns timestamptz
language sql stable
return p_at - (trading.exchange_time(p_account_id, p_at) - p_at);
comment on function trading.our_time is 'A moment by the clock of an account''s exchange as one of ours: what trading.exchange_time undoes.';

create function trading.changed_at(p_order public.orders, p_report jsonb, p_now timestamptz) returns timestamptz
language sql stable
return case when p_report ? 'updated_at_ms' then greatest(p_order.permitted_at,
    least(trading.our_time(p_order.account_id, to_timestamp((p_report ->> 'updated_at_ms')::numeric / 1000)), p_now)) end;
comment on function trading.changed_at is 'When an order changed at the exchange, by our clock, as a report of it says; null: it does not say.';

-- A report of one that ended long ago is no news.
create function trading.ended_at(p_order public.orders, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((select v.changed_at from trading.venue_orders v where v.order_id = p_order.id and coalesce(p_order.finished_at, p_now) = p_now), p_now);
end
$$;
comment on function trading.ended_at is 'When an order that a report has just ended, or whose fills are not shown yet, ended at the exchange, where it told; else now.';

-- Of what was just recorded: a position that a late fill opened again was not naked while it was closed.
create function trading.bought_at(p_position public.positions, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return least(p_now, (
    select min(greatest(trading.our_time(t.account_id, t.executed_at), o.permitted_at))
    from public.trades t join public.orders o on o.id = t.order_id
    where t.position_id = p_position.id and t.side = 'BUY' and t.recorded_at = p_now));
end
$$;
comment on function trading.bought_at is 'When a position was opened at the exchange by the fills that were just recorded, by our clock.';

-- Naked moments ------------------------------------------------------------------------------------------------------

create function trading.note_naked(p_position_id uuid, p_cause text, p_since timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.engine_stops s set naked_since = coalesce(s.naked_since, p_since), naked_cause = p_cause
  where s.position_id = p_position_id and (s.naked_since is null or (s.naked_cause <> p_cause and p_cause <> 'end_unknown'));
end
$$;
comment on function trading.note_naked is
  'Since that moment the position has no stop at the exchange, unless that was noted before; why. end_unknown: nobody knows whether it has, which says less than any other cause.';

-- A stop that comes back and is lost again and again guards hardly more than none.
create function trading.naked_time(p_position_id uuid, p_within interval, p_now timestamptz) returns interval
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(n.ended_at - greatest(n.began_at, p_now - p_within)), '0')
    from (
      select m.began_at, m.ended_at from trading.naked_moments m where m.position_id = p_position_id and m.ended_at > p_now - p_within
      union all
      select s.naked_since, p_now from trading.engine_stops s where s.position_id = p_position_id and s.naked_since < p_now) n
  );
end
$$;
comment on function trading.naked_time is 'For how long in sum a position was naked within the last p_within, the present moment included.';

create function trading.naked_lately(p_position_id uuid, p_now timestamptz) returns interval
language sql stable
return trading.naked_time(p_position_id, interval '30 seconds', p_now);
comment on function trading.naked_lately is 'For how long in sum a position was naked within the last 30 s, which the alarm goes by.';

-- What was noticed late may be over before any sweep could alert. A stop that nobody knew the fate of and that rested all the
-- time was not missing.
create function trading.note_guarded(p_position_id uuid, p_stop_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_moment trading.naked_moments;
  v_long   interval;
  v_lately interval;
begin
  select s.position_id, s.naked_since, greatest(s.naked_since, least((select v.changed_at from trading.venue_orders v where v.order_id = p_stop_id), p_now)), s.naked_cause
    into v_moment.position_id, v_moment.began_at, v_moment.ended_at, v_moment.cause
  from trading.engine_stops s where s.position_id = p_position_id and s.naked_since is not null for no key update;
  if v_moment.cause not in ('below_minimum', 'no_slot') and not (v_moment.cause = 'end_unknown' and v_moment.ended_at = v_moment.began_at) then
    v_long := v_moment.ended_at - v_moment.began_at;
    v_lately := trading.naked_lately(v_moment.position_id, v_moment.ended_at);
    insert into trading.naked_moments (position_id, began_at, ended_at, cause)
    values (v_moment.position_id, v_moment.began_at, v_moment.ended_at, v_moment.cause);
    -- Told by the moment that makes it too long, not by each one after it.
    if v_long > trading.naked_alarm() or (v_lately > trading.naked_alarm() and v_lately - v_long <= trading.naked_alarm()) then
      perform trading.alert_unguarded(v_moment.position_id, v_moment.cause, v_moment.began_at, p_now);
    end if;
  end if;
  update trading.engine_stops s set naked_since = null, naked_cause = null where s.position_id = v_moment.position_id;
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code in ('position_unguarded', 'sell_refused_for_funds', 'venue_stop_refused') and a.subject_id = p_position_id::text and a.resolved_at is null;
end
$$;
comment on function trading.note_guarded is
  'This stop rests at the exchange for the position: its naked moment, if there was one, ended as it was placed and is written down, and alerted if it was long, or made those of 30 s so in sum.';

-- A stop of whose end nobody had heard was there until it ended, if the exchange has told since when that was, or until it sold.
create function trading.note_sold(p_position_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.naked_moments (position_id, began_at, ended_at, cause)
  select s.position_id, m.began_at, m.sold_at, s.naked_cause
  from trading.engine_stops s cross join lateral (
    select greatest(s.naked_since, (
        select max(v.changed_at) from public.orders o join trading.venue_orders v on v.order_id = o.id
        where o.position_id = s.position_id and o.role = 'stop_loss')) as began_at,
      least(max(trading.our_time(t.account_id, t.executed_at)), p_now) as sold_at
    from public.trades t where t.position_id = s.position_id and t.side = 'SELL') m
  where s.position_id = p_position_id and s.naked_cause not in ('below_minimum', 'no_slot', 'end_unknown') and m.began_at < m.sold_at;
end
$$;
comment on function trading.note_sold is 'Everything is sold: the position''s naked moment, if there was one, ended with the last sale and is written down.';

create function trading.naked_alarm() returns interval
language sql immutable
return interval '5 seconds';
comment on function trading.naked_alarm is 'For how long a position may be naked within 30 s without an alarm.';

create function trading.alert_unguarded(p_position_id uuid, p_cause text, p_since timestamptz, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'position_unguarded', p.user_id, 'position', p.id::text,
    format(case p_cause when 'end_unknown' then 'For more than 5 s nobody has known whether the stop of the position in %s rests at the exchange; the engine''s own stop is armed.'
      else 'The position in %s has had no stop at the exchange for more than 5 of the last 30 s; the engine''s own stop is armed.' end, p.symbol),
    jsonb_build_object('since', p_since, 'cause', p_cause))
  from public.positions p
  where p.id = p_position_id
    and not exists (select from public.alerts a where a.code = 'position_unguarded' and a.subject_id = p.id::text and a.resolved_at is null);
end
$$;
comment on function trading.alert_unguarded is 'The alarm position_unguarded, unless it stands already.';

-- Ends that nobody has told of --------------------------------------------------------------------------------------------------

-- A cancel or a replacement ends the whole list, through whichever leg. The exchange takes none after its window, so what is
-- told of the order after that tells of its end, too.
create function trading.unheard_end(p_order public.orders, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select min(c.permitted_at) from public.orders l join trading.exchange_calls c on c.order_id = l.id
    where l.position_id = p_order.position_id and (l.id = p_order.id or l.order_list_id = p_order.order_list_id)
      and c.action in ('cancel', 'replace') and c.opened_at is not null and c.send_by >= trading.last_seen(p_order.id)
      and (c.outcome = 'unknown' or (c.answered_at is null and c.permitted_at < p_now - trading.naked_alarm())));
end
$$;
comment on function trading.unheard_end is
  'Since when an order may have ended at the exchange without anybody having heard: the permit of a cancel or replacement that is unknown or unanswered for long; null: it is known to rest, as far as anybody can know.';

-- On each sweep, before naked positions are looked at. Whoever was to report such an end may be dead: its order is asked about,
-- its position counts as naked, and its job is taken up by somebody else once the call can not be under way any more.
create function trading.watch_unheard_ends(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  for v_call in
    select c.* from trading.jobs j join trading.exchange_calls c on c.job_id = j.id and c.job_attempt = j.attempts
    where j.status = 'running' and not j.is_paper and c.action in ('cancel', 'replace') and c.answered_at is null
      and c.permitted_at < p_now - trading.naked_alarm()
    order by c.id
  loop
    perform trading.ask_about_end(v_call, p_now);
    perform trading.take_from_worker(v_call, p_now);
  end loop;
end
$$;
comment on function trading.watch_unheard_ends is
  'Has the orders asked about whose cancel or replacement is unanswered for 5 s, counts their positions as naked since then, and frees the jobs of workers that died in such a call.';

-- The sweep holds no portfolio's lock: what somebody else has at hand is left to the next one.
create function trading.ask_about_end(p_call trading.exchange_calls, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = p_call.order_id;
  if v_order.finished_at is not null or trading.unheard_end(v_order, p_now) is null then
    return;
  end if;
  perform trading.queue_order_sync(v_order.id, 'unanswered:' || trunc(extract(epoch from p_now) * 1000), p_now)
  from trading.settings s left join trading.venue_orders v on v.order_id = v_order.id
  where coalesce(v.asked_at, p_call.permitted_at) < p_now - make_interval(secs => s.order_poll_ms / 1000.0);
  if v_order.role in ('stop_loss', 'take_profit') then
    perform trading.note_naked(s.position_id, 'end_unknown', p_call.permitted_at)
    from (select e.position_id from trading.engine_stops e where e.position_id = v_order.position_id for no key update skip locked) s;
  end if;
end
$$;
comment on function trading.ask_about_end is 'Queues the question about an order whose end nobody has told of, and counts the position that it guards as naked.';

-- Binance lets an account have five stops in a symbol (MAX_NUM_ALGO_ORDERS); further positions have the engine's alone.
create function trading.has_stop_slot(p_position public.positions) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select count(*) from public.orders o
    where o.account_id = p_position.account_id and o.symbol = p_position.symbol and o.position_id <> p_position.id
      and o.role = 'stop_loss' and not o.is_paper_trade and o.finished_at is null and not trading.is_over_at_venue(o.id)
  ) < coalesce((select i.max_algo_orders from public.instruments i where i.symbol = p_position.symbol), 5);
end
$$;
comment on function trading.has_stop_slot is 'Whether the exchange has room for a stop of this position beside those of the account''s other positions in the symbol.';

-- On each sweep.
create function trading.watch_naked(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.watch_unheard_ends(p_now);
  perform trading.alert_unguarded(s.position_id, s.naked_cause, s.naked_since, p_now)
  from trading.engine_stops s
  where s.naked_since < p_now and s.naked_cause <> 'below_minimum' and trading.naked_lately(s.position_id, p_now) > trading.naked_alarm();
  -- Who is at it, or waits for the next try, is left alone: the exchange has refused, and asking it more often helps nobody.
  perform trading.queue_protection(s.position_id, p_now)
  from trading.engine_stops s join public.positions p on p.id = s.position_id
  where s.naked_since < p_now - interval '2 seconds' and s.naked_cause <> 'below_minimum'
    and not exists (select from trading.jobs j where j.position_id = s.position_id and j.kind = 'protect' and j.status in ('queued', 'running'))
    and (s.naked_cause <> 'no_slot' or trading.has_stop_slot(p));
end
$$;
comment on function trading.watch_naked is 'Alerts for positions without a stop at the exchange for over 5 of the last 30 s, and queues their protection again.';

create function trading.queue_protection(p_position_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- One that runs looks again after its call, under the lock that whoever brings news holds. Its own refused orders are no
  -- reason for another one, which would be refused at once as well.
  if exists (select from trading.jobs j where j.position_id = p_position_id and j.kind = 'protect' and j.status = 'running') then
    return;
  end if;
  -- News end the wait of one that failed before.
  update trading.jobs j set due_at = p_now
  where j.position_id = p_position_id and j.kind = 'protect' and j.status = 'queued' and j.due_at > p_now;
  if found then
    perform trading.ring_bell();
    return;
  end if;
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id)
  select 'protect', concat_ws(':', 'protect', p.id, p.version, gen_random_uuid()), p.portfolio_id, false, p_now, p.id
  from public.positions p
  where p.id = p_position_id and not exists (
    select from trading.jobs j where j.position_id = p.id and j.kind = 'protect' and j.status = 'queued')
  on conflict (key) do nothing;
end
$$;
comment on function trading.queue_protection is 'Queues a look at a live position''s protection, unless one is queued or under way already. Who brings news holds the portfolio''s lock; the sweep looks without it, and again.';

-- A stop of the old step or tick is for more, or less, than can be sold now; one that was refused may fit. Found by their
-- engine stops: those are of open positions alone.
create function trading.fit_protection(p_symbols text[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  for v_position in
    select p.* from trading.engine_stops s join public.positions p on p.id = s.position_id
    where s.symbol = any (p_symbols) and p.status in ('open', 'monitoring', 'closing') order by p.id
  loop
    if not v_position.is_paper_trade then
      perform trading.queue_protection(v_position.id, p_now);
    elsif v_position.status <> 'closing' then
      perform trading.enqueue_job('protect', concat_ws(':', 'fit', v_position.id, gen_random_uuid()), v_position.portfolio_id, true, p_now,
        p_position_id => v_position.id);
    end if;
  end loop;
end
$$;
comment on function trading.fit_protection is 'Queues a look at what guards the open positions in symbols whose rules have changed.';

-- The exchange refuses a stop that would trigger at once: its market has crossed it, whatever ours says.
create function trading.fire_crossed_stop(p_position public.positions, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.engine_stops s set fired_at = p_now where s.position_id = p_position.id and s.fired_at is null;
  perform trading.enqueue_job('exit', concat_ws(':', 'stop', p_position.id, 'refused', trunc(extract(epoch from p_now) * 1000)), p_position.portfolio_id, false,
    p_now, p_position_id => p_position.id, p_payload => '{"reason": "stop_loss"}');
  return '{"outcome": "done", "code": "stop_crossed"}';
end
$$;
comment on function trading.fire_crossed_stop is 'Queues the sale of a live position whose stop the exchange''s market has crossed.';

reset role;
