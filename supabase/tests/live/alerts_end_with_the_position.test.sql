begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select trading.raise_alert(trading.engine_now(), 'critical', c, tests.user_id('ann'), 'position', (tests.position_of('one')).id::text, 'of the test')
from unnest('{position_unguarded,sell_refused_for_funds,venue_stop_refused,exit_failed}'::text[]) c;

select trading.note_guarded((tests.position_of('one')).id, (tests.order_of('one', 'stop_loss')).id, trading.engine_now());
select is(array(select a.code from public.alerts a where a.resolved_at is null and a.subject_id = (tests.position_of('one')).id::text), '{exit_failed}'::text[],
  'what was wrong with the stop is over once it rests');
select trading.raise_alert(trading.engine_now(), 'critical', 'venue_stop_refused', tests.user_id('ann'), 'position', (tests.position_of('one')).id::text, 'of the test');

select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'filled', 1, jsonb_build_object('fills', jsonb_build_array(
  jsonb_build_object('trade_id', 's', 'price', '95', 'quantity', '1', 'value', '95', 'fee', '0', 'fee_asset', 'USDT', 'executed_at', trading.engine_now())))),
  trading.engine_now()) from tests.order_of('one', 'stop_loss') o;
select is((select status from tests.position_of('one')), 'closed', 'the stop has sold everything');
select is(array(select a.code from public.alerts a where a.resolved_at is null and a.subject_id = (tests.position_of('one')).id::text), '{}'::text[],
  'what was wrong with the position is over');

select * from finish();
rollback;
