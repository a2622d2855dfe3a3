begin;
select plan(6);
select tests.open_desk();
select tests.list_symbol('ADAUSDT');
select tests.tick(0.5, 0.51, p_symbol => 'ADAUSDT');
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table witness as select * from public.market_prices where symbol = 'SOLUSDT';

create temporary table cases (quote jsonb);
insert into cases values
  ('{"bid": "NaN"}'), ('{"ask": "NaN"}'), ('{"last": "NaN"}'), ('{"low": "NaN"}'), ('{"high": "NaN"}'), ('{"ask": "Infinity"}'), ('{"high": "Infinity"}'),
  ('{"bid": -1}'), ('{"bid": 0}'), ('{"ask": 0, "bid": 0}'), ('{"low": -1}'), ('{"low": 0}'), ('{"bid": 101, "ask": 100}'), ('{"bid": null}'), ('{"ask": null}'),
  ('{"low": 90, "high": 80}'), ('{"observed_at": null}'), ('{"observed_at": "2999-01-01T00:00:00Z"}'), ('{"bid_quantity": -1}'), ('{"ask_quantity": "NaN"}'),
  ('{"bid": 99.9900000000000000001}'), ('{"depth": []}'), ('{"depth": {"bids": []}}'), ('{"depth": {"bids": [], "asks": "none"}}'),
  ('{"depth": {"bids": [], "asks": [["-1", "1"]]}}'), ('{"depth": {"bids": [["NaN", "1"]], "asks": []}}'), ('{"depth": {"bids": [["99", "-1"]], "asks": []}}'),
  ('{"depth": {"bids": [], "asks": [["100"]]}}'), ('{"depth": {"bids": [], "asks": [100, 101]}}');

-- Each case together with a good quote of another symbol.
create function pg_temp.apply(p_quote jsonb) returns jsonb language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + interval '1 second');
  return trading.apply_prices(jsonb_build_array(
    jsonb_build_object('symbol', 'SOLUSDT', 'bid', 99.99, 'ask', 100, 'observed_at', trading.engine_now(), 'source', 'tests') || p_quote,
    jsonb_build_object('symbol', 'ADAUSDT', 'bid', 0.5, 'ask', 0.51, 'observed_at', trading.engine_now(), 'source', 'tests')));
end
$$;
create temporary table answers as select quote, pg_temp.apply(quote) as answer from cases;

select is_empty($$ select quote, answer from answers where answer -> 'refused' <> '["SOLUSDT"]' $$,
  'what cannot be a quote is refused and named');
select is_empty($$ select quote, answer from answers where answer -> 'applied' <> '1' $$, 'and costs no other symbol its price');
select set_eq($$ select * from public.market_prices where symbol = 'SOLUSDT' $$, 'table witness',
  'the price of its own symbol stays what it was');
select is((select sum((answer ->> 'stops')::int) from answers), 0::bigint, 'it fires no stop');
select results_eq($$ select severity, code from public.alerts $$, $$ values ('warning', 'quotes_refused') $$, 'and somebody is told');
select is(pg_temp.apply('{}') -> 'applied', '2'::jsonb, 'the next good quote is applied');

select * from finish();
rollback;
