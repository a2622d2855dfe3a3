begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
create function pg_temp.tokens() returns numeric language sql as $$ select trim_scale(tokens) from trading.rate_budgets where rule = 'request_weight' $$;
update trading.rate_budgets set tokens = 1000 where rule = 'request_weight';

select trading.heed_used_weight(2900);
select is(pg_temp.tokens(), 1000::numeric, 'while the exchange counts less than half of its minute our count stands');
select trading.heed_used_weight(5000);
select is(pg_temp.tokens(), 400::numeric, 'beyond that it leaves what is missing to nine tenths');
select trading.heed_used_weight(4000);
select is(pg_temp.tokens(), 400::numeric, 'an older count gives nothing back');
select trading.heed_used_weight(5900);
select is(pg_temp.tokens(), 0::numeric, 'beyond nine tenths nothing is left');

select * from finish();
rollback;
