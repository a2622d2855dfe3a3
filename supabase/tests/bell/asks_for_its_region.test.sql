begin;
select plan(3);
select tests.open_desk();
update trading.settings set project_url = 'http://127.0.0.1:1';
delete from net.http_request_queue;
select trading.ring_function('execute-trade');
select is((select headers ? 'x-region' from net.http_request_queue), false, 'without a region the functions run nearest to the database');
delete from net.http_request_queue;
update trading.settings set functions_region = 'eu-central-1';
select trading.ring_function('execute-trade');
select is((select headers ->> 'x-region' from net.http_request_queue), 'eu-central-1', 'with one the bell asks for it');
select throws_ok($$ update trading.settings set functions_region = 'everywhere' $$, '23514', null, 'a region has the name of one');

select * from finish();
rollback;
