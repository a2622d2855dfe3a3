begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 1);
select trading.fold_report((tests.order_of('one', 'entry')).id,
  '{"status": "rejected", "error_code": "-2010", "error_message": "Account has insufficient balance."}', trading.engine_now());

select results_eq($$ select state, status, error_code, error_message from tests.order_of('one', 'entry') $$,
  $$ values ('rejected', 'failed', '-2010', 'Account has insufficient balance.') $$, 'the order keeps what the venue said');
select results_eq($$ select status, failure_code, failure_reason from tests.position_of('one') $$,
  $$ values ('failed', 'entry_rejected', 'Account has insufficient balance.') $$, 'its position has failed for that reason');
select results_eq($$ select status, rejection_code, rejection_reason from public.signals $$,
  $$ values ('rejected', 'entry_rejected', 'Account has insufficient balance.') $$, 'so has its signal');
select results_eq($$ select amount::numeric, released_at is not null from trading.reservations $$, $$ values (0::numeric, true) $$,
  'and its money is free');

select * from finish();
rollback;
