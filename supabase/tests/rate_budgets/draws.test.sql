begin;
select plan(16);
select tests.open_desk();
create temporary table desk as select gen_random_uuid() as account_id, timestamptz '2026-03-02 12:00:00+00' as at;
update trading.rate_rules set burst = 10, per_second = 2, entry_reserve = 4, check_reserve = 7, ask_reserve = 0 where name = 'request_weight';
update trading.rate_rules set burst = 3, per_second = 1, entry_reserve = 1 where name = 'orders_10s';

create function pg_temp.draw(p_priority text, p_weight int, p_orders int, p_after interval default '0') returns text language sql as $$
  select concat_ws(' ', d ->> 'granted', d ->> 'rule', d ->> 'wait_ms')
  from desk, trading.draw_budget(account_id, p_priority, p_weight, p_orders, at + p_after) d
$$;
create function pg_temp.tokens(p_rule text) returns numeric language sql as $$
  select trim_scale(tokens) from trading.rate_budgets where rule = p_rule
$$;

select is(pg_temp.draw('check', 3, 0), 'true', 'a comparison of books takes what is beyond its reserve');
select is(pg_temp.draw('check', 1, 0), 'false request_weight 500', 'and leaves most of it to others');
select is(pg_temp.draw('exit', 0, 0, '10 seconds'), 'true', 'after a while the bucket is full again');
update desk set at = at + interval '10 seconds';
select is(pg_temp.draw('entry', 6, 1), 'true', 'an entry draws down to the reserve');
select is(pg_temp.draw('entry', 1, 1), 'false request_weight 500', 'not into it: it learns when to come back (ms)');
select is(pg_temp.tokens('request_weight'), 4::numeric, 'a refusal takes nothing from the bucket that lacked');
select is(pg_temp.tokens('orders_10s'), 2::numeric, 'nor from the others');
select is(pg_temp.draw('exit', 4, 1), 'true', 'an exit may use what entries must leave');
select is(pg_temp.draw('exit', 1, 1), 'false request_weight 500', 'an exit waits as well when nothing is left at all');
select is(pg_temp.draw('exit', 1, 1, '500 milliseconds'), 'true', 'after that time there is a token');
select is(pg_temp.draw('exit', 1, 0, '-1 hour'), 'false request_weight 500', 'a clock that jumps back refills nothing');
select is(pg_temp.draw('exit', 10, 0, '1 hour'), 'true', 'a bucket refills to its burst');
select is(pg_temp.draw('exit', 1, 0, '1 hour'), 'false request_weight 500', 'and not over it');

select tests.raises($$ select trading.draw_budget(account_id, 'entry', 7, 1, at) from desk $$, 'FB400', 'draw_invalid',
  'what no bucket can ever hold is an error, not a wait');
select tests.raises($$ select trading.draw_budget(account_id, 'entry', -1, 1, at) from desk $$, 'FB400', 'draw_invalid',
  'a draw gives nothing back');
select is((trading.draw_budget(gen_random_uuid(), 'exit', 0, 3, at) ->> 'granted')::boolean, true, 'each account has its own orders')
from desk;

select * from finish();
rollback;
