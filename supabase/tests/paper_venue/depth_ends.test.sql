begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 1, "sizing_value": 101}');
select tests.tick(99.99, 100, '{"depth": {"bids": [["99.99", "0.3"]], "asks": [["100", "0.4"], ["100.5", "0.2"]]}}');
select tests.enter('one', 'alpha');

select is((tests.order_of('one', 'entry')).state, 'expired', 'an entry for more than the book holds fills in part, the rest expires');
select is((tests.order_of('one', 'entry')).filled_quantity::numeric, 0.6, 'it has what there was');
select results_eq($$ select status, quantity::numeric from tests.position_of('one') $$, $$ values ('open', 0.5994) $$,
  'the part is a position');
select is((select released_at is not null from trading.reservations), true, 'the money for the rest is free');

select tests.sent_exit('one');
select trading.fold_report(o.id, trading.paper_submit(o, trading.engine_now()), trading.engine_now()) from tests.order_of('one', 'exit') o;
select is((tests.order_of('one', 'exit')).state || ' ' || (tests.order_of('one', 'exit')).filled_quantity::numeric, 'expired 0.3',
  'a market sell into a thin book sells what there is a bid for');
select results_eq($$ select status, quantity::numeric, (tests.order_of('one', 'stop_loss')).quantity::numeric from tests.position_of('one') $$,
  $$ values ('open', 0.2994, 0.299) $$, 'what is left goes on as a position, protected');

select * from finish();
rollback;
