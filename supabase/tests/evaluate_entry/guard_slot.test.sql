begin;
select plan(5);

select is(tests.rule_says('guard_slot', '{"guards_in_symbol": 3, "max_algo_orders": 5}'), 'passed', 'a fourth stop of five leaves one slot free');
select is(tests.rule_says('guard_slot', '{"guards_in_symbol": 4, "max_algo_orders": 5}'), 'guard_slots_used', 'a fifth would not');
select is(tests.rule_says('guard_slot', '{"guards_in_symbol": 4, "max_algo_orders": 10}'), 'passed', 'the exchange says how many there are');
select is(tests.rule_says('guard_slot', '{"guards_in_symbol": 4}', '{max_algo_orders}'), 'guard_slots_used', 'five where it does not');
select is(tests.rule_says('guard_slot', '{}', '{guards_in_symbol}'), 'guard_slots_used', 'a missing count denies');

select * from finish();
rollback;
