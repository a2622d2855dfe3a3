begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

select tests.act_as_user('ann');
create function pg_temp.close(p_quantity numeric) returns jsonb language sql as $$ select public.close_position(p.id, p_quantity) from public.positions p $$;
select tests.raises('select pg_temp.close(0)', 'FB400', 'quantity_invalid', 'nothing is no quantity');
select tests.raises('select pg_temp.close(-1)', 'FB400', 'quantity_invalid', 'nor is less');
select tests.raises($$ select pg_temp.close('NaN') $$, 'FB400', 'quantity_invalid', 'nor NaN');
select tests.raises($$ select pg_temp.close('Infinity') $$, 'FB400', 'quantity_invalid', 'nor Infinity');
select tests.raises('select pg_temp.close(0.0009)', 'FB400', 'quantity_below_step', 'below the exchange''s step there is nothing to sell');
select tests.raises('select pg_temp.close(1e-30)', 'FB400', 'quantity_below_step', 'however far below');
select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select * from finish();
rollback;
