begin;
select plan(4);
select tests.open_desk();
update trading.settings set project_url = 'https://desk.example.test';
select tests.hire('alpha');
select tests.tick(99.98, 99.99);
select is((select count(*) from net.http_request_queue), 0::bigint, 'a tick that triggers nothing rings no bell');
select tests.decide('one', 'alpha', p_decision => 'wait');
select is((select count(*) from net.http_request_queue), 0::bigint, 'nor does a decision to wait');
select trading.sweep();
select is((select count(*) from net.http_request_queue), 0::bigint, 'nor a sweep with nothing due');
select tests.decide('one', 'alpha');
select is((select count(*) from net.http_request_queue), 1::bigint, 'an entry does');

select * from finish();
rollback;
