begin;
select plan(18);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.create_user('op');
insert into trading.operators (user_id) values (tests.user_id('op'));
create function pg_temp.raised(p_code text, p_user text, p_detail jsonb default '{}') returns uuid language plpgsql as $$
begin
  perform trading.raise_alert(trading.engine_now(), 'warning', p_code, tests.user_id(p_user), 'position', coalesce(p_user, 'all'), 'A message.', p_detail);
  return (select id from public.alerts where code = p_code and subject_id = coalesce(p_user, 'all') and resolved_at is null);
end
$$;
create temporary table ids as select pg_temp.raised('stop_overshoot', 'ann') as own, pg_temp.raised('stop_overshoot', 'bob') as foreign_one,
  pg_temp.raised('quotes_refused', null) as of_all, pg_temp.raised('emergency_stop', 'ann') as standing,
  pg_temp.raised('order_unexplained', 'ann', '{"trade_id": 7}') as executed, pg_temp.raised('order_unexplained', 'bob') as open_order;
grant select on ids to public;
create function pg_temp.resolve(p_what text, p_note text default 'looked at') returns text language sql as $$
  select format('select public.resolve_alert((select %I from ids), %L)', p_what, p_note)
$$;

select tests.act_as_user('ann');
select tests.raises(pg_temp.resolve('foreign_one'), 'FB404', 'alert_not_found', 'another''s alert is not there');
select tests.raises(pg_temp.resolve('of_all'), 'FB404', 'alert_not_found', 'nor are those of the installation');
select tests.raises($$ select public.resolve_alert(gen_random_uuid(), 'x') $$, 'FB404', 'alert_not_found', 'nor is none');
select tests.raises($$ select public.resolve_alert(null, 'x') $$, 'FB404', 'alert_not_found', 'nor nothing');
select tests.raises(pg_temp.resolve('own', ' '), 'FB400', 'reason_invalid', 'a look has its note');
select tests.raises(pg_temp.resolve('standing'), 'FB409', 'alert_ends_by_itself', 'what stands is not over because somebody says so');
select is(public.resolve_alert(own, ' it was a gap ') ->> 'resolved_by', 'user:' || tests.user_id('ann'), 'an owner resolves the own one') from ids;
select is(public.resolve_alert(own, 'again') ->> 'resolved_by', 'user:' || tests.user_id('ann'), 'twice is once') from ids;
select is(public.resolve_alert(executed, 'bought back') ->> 'code', 'order_unexplained', 'an unexplained order that was executed is over when somebody has looked') from ids;
select is_empty($$ select from public.alerts where user_id = tests.user_id('ann') and resolved_at is null and code <> 'emergency_stop' $$, 'they are resolved');
select tests.act_as_user('op');
select tests.raises(pg_temp.resolve('foreign_one'), 'FB404', 'alert_not_found', 'operators leave a user''s to the user');
select is(public.resolve_alert(of_all, 'the feed was mended') ->> 'resolved_by', 'user:' || tests.user_id('op'), 'and resolve the installation''s') from ids;
select tests.act_as_service();
select tests.raises(pg_temp.resolve('open_order'), 'FB409', 'alert_ends_by_itself', 'an order that is still open ends its alert with itself');
select is(public.resolve_alert(foreign_one, 'by the support') ->> 'resolved_by', 'service_role', 'a backend resolves for anybody') from ids;
select tests.act_as_owner();

select results_eq($$ select detail ->> 'by', detail ->> 'note', user_id from public.audit_log where action = 'alert_resolved' order by id limit 1 $$,
  $$ values ('user:' || tests.user_id('ann'), 'it was a gap', tests.user_id('ann')) $$, 'who and why is in the audit log');
select is((select count(*) from public.audit_log where action = 'alert_resolved'), 4::bigint, 'once each');
select isnt(pg_temp.raised('quotes_refused', null), null, 'the same cause opens another one');

-- The list in ends_by_itself against what the engine's own statements resolve.
select is_empty($$
  with statements as (
    select (regexp_matches(p.prosrc, 'update public\.alerts[^;]*;', 'g'))[1] as words
    from pg_proc p where p.pronamespace = 'trading'::regnamespace and p.proname <> 'end_old_denials'
  ), named as (
    select (regexp_matches(s.words, '\.code = ''([a-z_]+)''', 'g'))[1] as code from statements s
    union select (regexp_matches(i.list[1], '''([a-z_]+)''', 'g'))[1] from statements s, regexp_matches(s.words, '\.code in \(([^)]*)\)', 'g') i (list)
  )
  select n.code from named n
  where not trading.ends_by_itself(jsonb_populate_record(null::public.alerts, jsonb_build_object('code', n.code, 'detail', '{}'::jsonb)))
$$, 'what the engine resolves, nobody resolves by hand');

select * from finish();
rollback;
