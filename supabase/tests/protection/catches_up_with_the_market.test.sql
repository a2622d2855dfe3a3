begin;
select plan(6);
select tests.open_desk();

select tests.resting_entry('wick', 1, '{"entry": 100, "stopLoss": 98}');
select tests.resting_entry('calm', 1, '{"entry": 100, "stopLoss": 90}');
select tests.tick(101, 101.1, '{"low": 95, "high": 101}');
select tests.run_jobs();
select tests.run_jobs();
select is((tests.position_of('wick')).status, 'closed', 'the tick that filled a limit and went on to its stop closes the position');
select is((tests.position_of('wick')).exit_reason, 'stop_loss', 'by its stop');
select is((tests.position_of('wick')).exit_price::numeric, 98::numeric, 'near the trigger, although the quotes had recovered');
select is((tests.position_of('calm')).status, 'open', 'a stop that was not reached stays armed');

select tests.hire('late');
select tests.decide('late', 'late', '{"stopLoss": 98}');
select tests.tick(97, 97.1, '{"low": 96}');
select tests.tick(101, 101.1, '{"low": 101}');
select tests.run_jobs();
select is((select count(*) from trading.jobs j where j.position_id = (tests.position_of('late')).id and j.kind = 'exit'), 1::bigint,
  'an entry executed late is stopped by what the market did meanwhile');
select is((tests.position_of('late')).status, 'closed', 'and ends at once');

select * from finish();
rollback;
