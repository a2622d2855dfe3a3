begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit"}');
select tests.tick(99.99, 100, '{"depth": {"bids": [["99.99", "9"]], "asks": [["100", "0.4"], ["100.01", "9"]]}}');
select tests.enter('one', 'alpha');

select is((tests.order_of('one', 'entry')).state, 'partially_filled',
  'a limit takes what is offered at its price and rests with what is left');
select is((select amount::numeric from trading.reservations), 60::numeric, 'the rest stays reserved');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 0.399, 'the part it has is protected');
select tests.tick(99.8, 99.9);
select tests.run_jobs();
select results_eq($$ select quantity::numeric, is_maker from public.trades order by quantity $$, $$ values (0.4, false), (0.6, true) $$,
  'the rest fills when the market trades through it');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 0.999, 'and the protection grows with it');

select * from finish();
rollback;
