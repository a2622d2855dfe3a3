begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.list_symbol('SOLUSDT', '{"status": "BREAK"}');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();

select is(tests.run_jobs(), array['exit retry symbol_not_trading'], 'where nothing is traded nothing can be sold');
select is((tests.position_of('one')).status, 'open', 'the position stays open');
select is((select state from tests.order_of('one', 'stop_loss')), 'working', 'and protected');
select is((select count(*) from public.orders where role = 'exit'), 0::bigint, 'the try leaves no order behind');
select results_eq($$ select severity, code, user_id, subject_id, detail ->> 'code', resolved_at from public.alerts $$,
  $$ values ('warning', 'exit_failed', tests.user_id('ann'), (tests.position_of('one')).id::text, 'symbol_not_trading', null::timestamptz) $$,
  'its owner is told');
select trading.set_clock(trading.engine_now() + interval '1 second');
select tests.run_jobs();
select results_eq('select severity, occurrences from public.alerts', $$ values ('warning', 2) $$, 'each further try counts on the same alert');
select trading.set_clock(trading.engine_now() + interval '2 seconds');
select tests.run_jobs();
select results_eq('select severity, occurrences from public.alerts', $$ values ('critical', 3) $$,
  'which is critical as soon as the next try comes later than five seconds after the first one');

select trading.alert_failed_exit(jsonb_populate_record(null::trading.jobs, to_jsonb(j) || '{"failures": 2}'),
  '{"outcome": "retry", "code": "exit_incomplete", "cause": "cancel_failed", "message": "-2011"}', true, trading.engine_now(), trading.engine_now())
from trading.jobs j where j.kind = 'exit';
select is((select occurrences from public.alerts), 3, 'an order that was not there to be replaced has mostly sold by itself: two tries of that are nothing to tell');

select tests.list_symbol('SOLUSDT');
select tests.tick(99, 99.01, p_after => '5 seconds');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'it is sold when trading goes on');
select is((select resolved_by from public.alerts where code = 'exit_failed'), 'engine', 'which resolves the alert');

select * from finish();
rollback;
