begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('good', 'alpha', '{"stopLoss": 95, "takeProfit": [110]}');
select tests.decide('bad', 'alpha', '{"stopLoss": 101}');
insert into public.signals (id, trader_id, symbol, levels) values (tests.signal_id('undecided'), tests.trader_id('alpha'), 'SOLUSDT',
  '{"stopLoss": 95}');
create temporary table before as select * from tests.snapshot();
create temporary table seen (name text, preview jsonb);
grant all on seen to authenticated;

select tests.act_as_user('ann');
insert into seen select n, public.preview_entry(tests.signal_id(n)) from unnest('{good,bad,undecided}'::text[]) n;
select tests.act_as_owner();

select set_eq('select * from tests.snapshot()', 'table before', 'a preview changes no row of any table: it opens no account either');
select is((select preview - 'rules' from seen where name = 'good'),
  '{"passed": true, "code": null, "message": null, "quantity": "1", "price": "100", "notional": "100", "stop": "95", "take_profits": [110],
    "max_loss": "5.189905", "order_type": "market"}'::jsonb, 'it says what would be bought, as text where it is money');
select is((select preview -> 'passed' || (preview -> 'code') from seen where name = 'bad'), '[false, "stop_not_below_entry"]'::jsonb,
  'or why nothing would be');
select is((select count(*) from seen, jsonb_array_elements(preview -> 'rules') where name = 'bad'), (select count(*) from trading.evaluate_entry('{}')),
  'with every rule');
select is((select preview -> 'passed' from seen where name = 'undecided'), 'true'::jsonb,
  'a signal can be looked at before anything was decided');

select tests.run_jobs();
select results_eq($$ select quantity::numeric::text, price::numeric::text from tests.order_of('good', 'entry') $$,
  $$ select preview ->> 'quantity', preview ->> 'price' from seen where name = 'good' $$, 'the entry then does what the preview said');

select * from finish();
rollback;
