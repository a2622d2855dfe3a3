begin;
select plan(6);
select tests.open_desk();
create function pg_temp.size(p_trader text) returns text language plpgsql as $$
begin
  perform tests.enter(p_trader, p_trader);
  return (select trim_scale(o.quantity) || ' for ' || trim_scale(o.quantity * o.price) from tests.order_of(p_trader, 'entry') o);
end
$$;

select tests.hire('fixed', 'ann', '{"sizing_value": 250}');
select is(pg_temp.size('fixed'), '2.5 for 250', 'a fixed size buys for that many USDT');
select tests.hire('percent', 'ann', '{"sizing_method": "equity_percent", "sizing_value": 5}');
select is(pg_temp.size('percent'), '5 for 500', 'a percentage buys for that part of equity');
-- At a stop of 95 and 0.1 % a side one SOL loses 100 - 95 x 0.999 x 0.999 = 5.189905; 1 % of 10,000 pays for 19.268...
select tests.hire('risk', 'ann', '{"sizing_method": "risk_percent", "sizing_value": 1}');
select is(pg_temp.size('risk'), '19.268 for 1926.8', 'a risk buys as much as costs that part of equity at the stop, fees included');
select cmp_ok((tests.position_of('risk')).max_loss_usdt::numeric, '<=', 100::numeric, 'and the position shows that it costs no more');
select tests.hire('capped', 'ann', '{"sizing_method": "risk_percent", "sizing_value": 1}', '{"max_position_quote": 1500}');
select is(pg_temp.size('capped'), '15 for 1500', 'a risk is a wish: the largest position allowed cuts it');
select tests.hire('fee', 'ann', '{"sizing_value": 100.099}');
select is(pg_temp.size('fee'), '1 for 100', 'a size is cut to the exchange''s step, never rounded up');

select * from finish();
rollback;
