begin;
select plan(6);
select tests.open_desk('{"paper_latency_ms": 500}');
select tests.hire('alpha');
-- The filters change while the orders are on their way.
select tests.decide(s, 'alpha') from unnest('{halted,filtered,good}'::text[]) s;
select tests.run_jobs();

create function pg_temp.arrive(p_signal text) returns text language sql as $$
  select (trading.fold_report(o.id, trading.paper_submit(o, trading.engine_now()), trading.engine_now())).error_message from tests.order_of(p_signal, 'entry') o
$$;
select tests.list_symbol('SOLUSDT', '{"status": "HALT"}');
select is(pg_temp.arrive('halted'), 'This symbol is not trading: HALT', 'an order for a halted symbol is refused');
select tests.list_symbol('SOLUSDT', '{"lot_step": 0.3}');
select is(pg_temp.arrive('filtered'), 'Filter failure: LOT_SIZE', 'so is one that a filter does not let pass');
select is((tests.order_of('filtered', 'entry')).error_code, '-1013', 'with the exchange''s own code');
select results_eq($$ select status, rejection_code, rejection_reason from public.signals where id = tests.signal_id('filtered') $$,
  $$ values ('rejected', 'entry_rejected', 'Filter failure: LOT_SIZE') $$, 'the signal says why');
select tests.list_symbol('SOLUSDT');
select is(pg_temp.arrive('good'), null, 'the one after them is not refused');
select is((tests.position_of('good')).status, 'open', 'and opens');

select * from finish();
rollback;
