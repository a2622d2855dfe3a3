begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95.03, "takeProfit": [120.07]}');
create temp table d (failures int, delay interval);
insert into d select a, trading.outcome_delay(jsonb_populate_record(null::trading.jobs, jsonb_build_object('kind', 'protect', 'failures', a)), '{"code": "filter_failed"}')
from generate_series(1, 4) a;
select is((select array_agg(delay order by failures) from d), '{00:00:01,00:00:02,00:01:00,00:01:00}'::interval[], 'a stop that is refused three times is tried once a minute');
select is(trading.outcome_delay(jsonb_populate_record(null::trading.jobs, '{"kind": "protect", "failures": 1}'), '{"code": "too_many_orders"}'), interval '1 minute',
  'one without a slot from the first time on');
select is(trading.outcome_delay(jsonb_populate_record(null::trading.jobs, '{"kind": "exit", "failures": 4}'), '{"code": "filter_failed"}'), interval '8 seconds',
  'a sale is not slowed down');

select is(trading.outcome_delay(jsonb_populate_record(null::trading.jobs, '{"kind": "protect", "failures": 3}'), jsonb_build_object('code', c)), interval '1 minute',
  'whatever was wrong with it: ' || c) from unnest('{bad_request,refused}'::text[]) c;

-- The exchange trades in coarser ticks since.
select tests.list_symbol('SOLUSDT', '{"tick_size": 0.1}');
create temp table c as select tests.next_call() as call;
select is((select call #>> '{request,stop,trigger_price}' from c), '95.1', 'a stop is rounded to today''s tick, never further away');
select is((select call #>> '{request,target,price}' from c), '120', 'a target as well');
select is((select stop_loss_price::numeric from tests.position_of('one')), 95.03, 'the position keeps what was decided');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'orders', jsonb_build_array(
  tests.venue_report((select call #> '{request,target}' from c), 'working'), tests.venue_report((select call #> '{request,stop}' from c), 'working'))));
select is((select array_agg(j.kind) from trading.jobs j where j.kind = 'protect' and j.status = 'queued'), null, 'and it is guarded');

-- One that waits is left to wait, until there are news.
select trading.note_naked((tests.position_of('one')).id, 'lost', trading.engine_now());
insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, attempts, failures)
select 'protect', 'waits', p.portfolio_id, false, trading.engine_now() + interval '1 minute', p.id, 3, 3 from tests.position_of('one') p;
select trading.set_clock(trading.engine_now() + interval '10 seconds');
select trading.watch_naked(trading.engine_now());
select is((select due_at - trading.engine_now() from trading.jobs where key = 'waits'), interval '50 seconds', 'the sweep does not hasten a try that waits');
select is((select count(*) from trading.jobs where kind = 'protect' and status = 'queued'), 1::bigint, 'nor does it queue another');
select trading.queue_protection((tests.position_of('one')).id, trading.engine_now());
select is((select due_at from trading.jobs where key = 'waits'), trading.engine_now(), 'news do');

select * from finish();
rollback;
