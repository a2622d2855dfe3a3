begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select is((tests.position_of('one')).status, 'open', 'where nothing is required nothing is asked for');

select tests.settings('{"required_tier": "elite"}');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'tier_required', 'without a table of subscriptions nobody has a tier');

create table public.user_subscriptions (user_id uuid primary key, tier text not null, status text not null);
grant select on public.user_subscriptions to fillbase_engine;
insert into public.user_subscriptions values (tests.user_id('ann'), 'elite', 'active');
select tests.enter('three', 'alpha');
select is((tests.position_of('three')).status, 'open', 'an active subscription of the tier may enter');
update public.user_subscriptions set status = 'past_due';
select tests.enter('four', 'alpha');
select is(tests.rejection('four'), 'tier_required', 'one that lapsed may not');
select tests.tick(94, 94.01);
select is(tests.run_jobs(), '{"exit filled","exit filled"}', 'but its stops are carried out');
select is((tests.position_of('three')).status, 'closed', 'a lapse stops entries, never exits');

select * from finish();
rollback;
