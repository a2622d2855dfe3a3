begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

select tests.raises('delete from public.positions', 'FB403', 'history_kept', 'a position is never removed');
select tests.raises('delete from public.orders', 'FB403', 'history_kept', 'nor an order');
select tests.raises('delete from public.trades', 'FB403', 'history_kept', 'nor a fill');
set local role fillbase_engine;
select tests.raises('delete from public.trades', 'FB403', 'history_kept', 'not by the owner of the tables either');
reset role;
select set_eq('select * from tests.snapshot()', 'table before', 'and all of it is still there');

select * from finish();
rollback;
