begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.create_user('otto');
select tests.make_operator('otto');
select tests.enter('one', 'alpha');
select tests.enter('two', 'beta');

-- What would be sent, as the platform's own table has partitions only where its server runs.
create temporary table sent (n serial, topic text, event text, payload jsonb);
create or replace function trading.publish(p_topic text, p_event text, p_payload jsonb) returns void language sql set search_path = ''
as $$ insert into pg_temp.sent (topic, event, payload) values (p_topic, p_event, p_payload) $$;
grant all on sent, sent_n_seq to public;
create function pg_temp.told(p_topic text) returns text language sql as $$
  select string_agg(concat_ws(' ', event, payload ->> 'state', payload ->> 'positions_left'), ', ' order by n) from sent
  where topic = p_topic and event in ('stop', 'trading_state')
$$;
create function pg_temp.user_topic(p_name text) returns text language sql as $$ select 'user:' || tests.user_id(p_name) $$;

select tests.stop('ann', 'user', null, 'halt_and_flatten');
select tests.run_jobs();
select is(pg_temp.told(pg_temp.user_topic('ann')), 'trading_state halted, stop 1, stop 1, stop 0', 'a user hears of the state, and of each step of the stop');
select is(pg_temp.told(pg_temp.user_topic('bob')), null, 'nobody else does');

delete from sent;
select tests.resume('ann', 'user');
select is(pg_temp.told(pg_temp.user_topic('ann')), 'stop 0, trading_state active', 'and of the resume');

delete from sent;
select tests.stop('otto', 'everyone');
select tests.run_jobs();
select is(pg_temp.told(pg_temp.user_topic('bob')) || '; ' || pg_temp.told(pg_temp.user_topic('ann')), 'trading_state halted; trading_state halted',
  'a stop of everyone is heard by every user as a state');
select is(pg_temp.told('operators'), 'stop 1, stop 1', 'and by operators as a stop');
select is((select count(*) from public.alerts where code = 'emergency_stop' and resolved_at is null and user_id in (tests.user_id('ann'), tests.user_id('bob'))), 2::bigint,
  'each user touched has an alert');

select * from finish();
rollback;
