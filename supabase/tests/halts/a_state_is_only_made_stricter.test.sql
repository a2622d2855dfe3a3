begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

create function pg_temp.set(p_state text, p_flatten boolean default false, p_reason text default 'a test') returns text language sql as $$
  select concat_ws(' ', s.state, s.epoch, s.flatten)
  from trading.set_trading_state('user', tests.user_id('ann'), p_state, p_flatten, p_reason, 'tests', trading.engine_now()) s
$$;
create function pg_temp.row() returns trading.trading_states language sql as $$
  select s from trading.trading_states s where s.scope = 'user'
$$;

select is(pg_temp.set('reducing', false, 'the first'), 'reducing 1 f', 'the first change makes the row and its epoch');
select is(pg_temp.set('reducing', false, 'again'), 'reducing 1 f', 'the same state again changes nothing');
select is((pg_temp.row()).reason, 'the first', 'not even its reason');
select is(pg_temp.set('halted', false, 'worse'), 'halted 2 f', 'a stricter state replaces it and raises the epoch');
select results_eq($$ select reason, set_by, set_at from pg_temp.row() $$, $$ select 'worse', 'tests', trading.engine_now() $$,
  'with its own reason, author and time');
select is(pg_temp.set('reducing'), 'halted 2 f', 'a milder one does not replace it');
select is(pg_temp.set('reducing', true), 'halted 3 t', 'a wish to flatten is added to what stands');
select is(pg_temp.set('halted', false), 'halted 3 t', 'and is not taken back by a halt without it');
select tests.raises($$ select pg_temp.set('active') $$, 'FB400', 'state_invalid', 'nothing is resumed this way');
select tests.raises($$ select pg_temp.set(null) $$, 'FB400', 'state_invalid', 'nor set to nothing');
select throws_ok($$ select trading.set_trading_state('planet', tests.user_id('ann'), 'halted', false, '', '', trading.engine_now()) $$, '23514',
  null, 'a scope that does not exist is refused');
select is((select array_agg(a.action || ' ' || (a.detail ->> 'epoch') order by a.id) from public.audit_log a where a.subject_type = 'user'),
  '{trading_reducing 1,trading_halted 2,trading_halted 3}', 'each change is audited once');
select is((select array_agg(j.payload ->> 'epoch' order by j.id) from trading.jobs j where j.kind = 'halt'), '{1,2,3}',
  'and queues what follows from it once');
select is((select count(*) from trading.trading_states), 2::bigint, 'no other scope was touched');

select * from finish();
rollback;
