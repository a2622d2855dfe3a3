begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.act_as_user('ann');
select public.set_risk_limits('{"max_open_positions": 2, "max_exposure_quote": 1000}', p_mode => 'paper');
select tests.act_as_owner();
select tests.enter('one', 'alpha');
select tests.enter('two', 'beta');
select tests.enter('three', 'beta');
select is((select count(*) from public.positions), 2::bigint, 'two traders together hold what the account-wide limit allows');
select is((select rejection_code from public.signals where id = tests.signal_id('three')), 'max_open_positions_all',
  'the third entry is refused by its name');
select tests.hire('gamma', 'bob');
select tests.enter('four', 'gamma');
select is((tests.position_of('four')).status, 'open', 'another user''s trader is not bound by it');

select * from finish();
rollback;
