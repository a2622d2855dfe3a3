begin;
select plan(24);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.naked() returns text language sql as $$ select naked_cause from trading.engine_stops where naked_since is not null $$;
create function pg_temp.move(p_stop numeric) returns jsonb language plpgsql as $$
begin
  update public.positions set stop_loss_price = p_stop where id = (tests.position_of('one')).id;
  perform trading.sync_protection(tests.position_of('one'), trading.engine_now());
  return tests.next_call();
end
$$;
create function pg_temp.cancelled(p_call jsonb) returns jsonb language sql as $$
  select tests.venue_report(jsonb_build_object('client_order_id', p_call #>> '{request,cancel_client_order_id}'), 'cancelled')
$$;

-- A pair that is refused ------------------------------------------------------------------------------------------------------
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95, "takeProfit": [105, 110, 120]}');
create temp table pair as select tests.next_call() as call;
select is((select call #>> '{request,target,price}' from pair), '120', 'of several targets the farthest rests with the stop');
select is((select array_agg(price::numeric order by level) from trading.engine_targets where fired_at is null), '{105,110,120}'::numeric[], 'the nearer ones are the engine''s');
select is(tests.answer('{"outcome": "rejected", "reason": "filter_failed", "code": -1013}') #>> '{call,action}', 'submit', 'a pair that is refused is tried as a stop alone');
select isnt(pg_temp.naked(), null, 'until that rests the position is naked');
select tests.answer('{"outcome": "rejected", "reason": "refused", "code": -2010}');
select is((select count(*) from trading.engine_stops where fired_at is null), 1::bigint, 'a stop that is refused is the engine''s');
select is((select j.last_error ->> 'code' from trading.jobs j where j.kind = 'protect' and j.status = 'queued'), 'refused', 'and is tried again');
select is((select count(*) from trading.jobs j where j.kind = 'protect' and j.status = 'queued'), 1::bigint, 'by one job');
select trading.set_clock(trading.engine_now() + interval '2 seconds');
select is(tests.obey(), '{submit_pair}', 'until the exchange takes it');
select is(pg_temp.naked(), null, 'then it is guarded');
select is((select array_agg(is_at_venue order by level) from trading.engine_targets), '{f,f,t}', 'with its last target');

-- Moves -----------------------------------------------------------------------------------------------------------------------
create temp table m as select pg_temp.move(96) as call;
select is((select call ->> 'action' from m), 'replace', 'a stop is moved in one request');
select tests.answer('{"outcome": "rejected", "reason": "cancel_failed", "code": -2022}');
select is((select (o.state, o.trigger_price::numeric)::text from public.orders o where o.role = 'stop_loss' and o.state = 'working'), '(working,95)', 'refused as a whole, the old one stands');
select is(pg_temp.naked(), null, 'the position was not naked');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
truncate m;
insert into m select pg_temp.move(97);
select is(tests.answer(jsonb_build_object('outcome', 'rejected', 'reason', 'replace_half_done', 'code', -2021, 'cancelled', pg_temp.cancelled((select call from m)))) #>> '{call,action}',
  'submit', 'cancelled and not placed: the stop is placed at once');
select isnt(pg_temp.naked(), null, 'the naked moment has begun');
select is((select answer #>> '{call,request,trigger_price}' from tests.live_work), '97', 'where it should be');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select answer #> '{call,request}' from tests.live_work), 'working')));
select is(pg_temp.naked(), null, 'and is over');
select is((select count(*) from trading.naked_moments), 2::bigint, 'it is written down');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');

-- A move whose answer is lost -----------------------------------------------------------------------------------------------------
truncate m;
insert into m select pg_temp.move(98);
select is(tests.answer('{"outcome": "unknown", "reason": "no_answer"}') #>> '{call,action}', 'lookup', 'a lost answer: the new stop is looked for');
select is((tests.order_of('one', 'stop_loss')).state, 'unknown', 'nothing is placed beside it');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call #> '{request,order}' from m), 'working')));
select is((tests.order_of('one', 'stop_loss')).state, 'working', 'it is there');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');

-- Below the minimum -----------------------------------------------------------------------------------------------------------------
select tests.list_symbol('SOLUSDT', '{"notional_min": 200}');
select trading.sync_protection(tests.position_of('one'), trading.engine_now());
select tests.obey();
select is(pg_temp.naked(), 'below_minimum', 'what is too small for the exchange has no stop there');
select trading.set_clock(trading.engine_now() + interval '1 minute');
select trading.watch_naked(trading.engine_now());
select ok(not tests.has_alert('position_unguarded'), 'that is no alarm');
select is((select count(*) from trading.engine_stops where fired_at is null), 1::bigint, 'the engine''s own stop guards it');

select * from finish();
rollback;
