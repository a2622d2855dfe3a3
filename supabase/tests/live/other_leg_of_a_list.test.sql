begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.told(p_role text, p_status text, p_executed numeric default 0, p_more jsonb default '{}') returns void language sql as $$
  select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), p_status, p_executed, p_more), trading.engine_now())
  from tests.order_of('one', p_role, case p_role when 'take_profit' then 1 else 0 end) o
$$;
create function pg_temp.about(p_call jsonb) returns text language sql as $$
  select concat_ws(' ', p_call ->> 'action', (select o.role from public.orders o where o.client_order_id = p_call #>> '{request,client_order_id}'))
$$;
create function pg_temp.later() returns void language sql as $$ select trading.set_clock(trading.engine_now() + interval '100 milliseconds') $$;

select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select is(array(select o.order_list_id is not null from public.orders o where o.side = 'SELL'), '{t,t}', 'stop and target rest as one list');
delete from trading.jobs where status = 'queued';

-- The target ends by whatever hand: the list is over, and the stop with it, whatever the books still say. ------------------------
select pg_temp.later();
select pg_temp.told('take_profit', 'expired', 0, '{"expiry_reason": "EXPIRED_IN_MATCH"}');
select is((tests.order_of('one', 'stop_loss')).state, 'working', 'nothing was said of the stop');
select is(pg_temp.about(tests.next_call()), 'lookup stop_loss', 'it is asked about at once, by the job that guards the position');
select is((tests.order_of('one', 'take_profit', 1)).error_message, 'EXPIRED_IN_MATCH: an order of the same account met it (self-trade prevention)', 'the target says why it ended');
select is((select (a.severity, a.message)::text from public.alerts a where a.code = 'stop_cancelled_outside' and a.resolved_at is null),
  '(warning,"The protection of the position in SOLUSDT was ended by the exchange, because an order of the same account met it; it is placed again.")', 'its owner is told');
create temp table placed as select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id), 'expired'))) as said;
select is((select said #>> '{call,action}' from placed), 'submit_pair', 'and when it is not there the next one is placed in the same job');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'orders', (select jsonb_agg(tests.venue_report(said #> array['call', 'request', l], 'working', 0,
  jsonb_build_object('list_id', said #>> '{call,request,list_client_order_id}'))) from placed, unnest('{stop,target}'::text[]) l)));
delete from trading.jobs where status = 'queued';

-- A target that executes in part has ended the stop before. ------------------------------------------------------------------------
select pg_temp.later();
select pg_temp.told('take_profit', 'partially_filled', 0.4);
select is(pg_temp.about(tests.next_call()), 'lookup stop_loss', 'a target that was executed in part has the stop asked about');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id), 'working')));
select is((select w.answer ->> 'outcome' from tests.live_work w), 'done', 'once: a reader may be behind');
delete from trading.jobs where status = 'queued';

-- What rests is not asked about without a reason. -----------------------------------------------------------------------------------
select pg_temp.later();
select trading.queue_protection((tests.position_of('one')).id, trading.engine_now());
select is(tests.next_call(), null, 'what was told after that is believed');
select pg_temp.later();
select pg_temp.told('take_profit', 'working', 0.4);
select is((select trading.is_doubted(o) from tests.order_of('one', 'stop_loss') o), true, 'until the target is heard of again');
select pg_temp.told('stop_loss', 'working');
select is((select trading.is_doubted(o) from tests.order_of('one', 'stop_loss') o), false, 'told together, both are believed');

-- An entry that met an order of the account's own ------------------------------------------------------------------------------------
select tests.hire('beta', 'ann');
update public.traders set paper_trade_mode = false;
select tests.decide('two', 'beta', '{"stopLoss": 95}');
create temp table entry as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from entry), 'expired', 0, '{"expiry_reason": "EXPIRED_IN_MATCH"}')));
select is((select (s.status, s.rejection_code)::text from public.signals s where s.id = tests.signal_id('two')), '(rejected,entry_unfilled)', 'an entry that met an order of the account''s own is unfilled');
select is((select s.rejection_reason from public.signals s where s.id = tests.signal_id('two')),
  'EXPIRED_IN_MATCH: it met an order of the same account, which rests on (self-trade prevention)', 'and says why');
select is(trading.expiry_words('OCO_TRIGGER', 'SELL'), 'OCO_TRIGGER', 'other reasons are the exchange''s word');

select * from finish();
rollback;
