begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.tick(99.99, 100, '{"depth": {"bids": [["99.99", "0.1"]], "asks": [["100", "5"]]}}');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id, 0.3, tests.signal_id('request'));
select tests.act_as_owner();

select is(tests.run_jobs(), array['exit retry exit_incomplete'], 'a part that the book does not take whole is tried again');
select tests.tick(99, 99.01, p_after => '2 seconds');
select is(tests.run_jobs(), array['exit filled'], 'at the next market');
select is((tests.position_of('one')).exit_quantity::numeric, 0.3, 'the part is sold, and no more than it');
select is((tests.position_of('one')).status, 'open', 'the position stays open with the rest');
select tests.act_as_service();
select is(public.close_position((tests.position_of('one')).id, 0.3, tests.signal_id('request')) ->> 'status', 'open',
  'how far it got does not make a repeated call another one');
select tests.act_as_owner();

select * from finish();
rollback;
