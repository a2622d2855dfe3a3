begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

-- An intent for an exchange; its account is the paper one, which the permit does not look at.
create function pg_temp.planned() returns public.orders language plpgsql as $$
declare
  v_order public.orders := jsonb_populate_record(tests.order_of('one', 'entry'), jsonb_build_object('id', gen_random_uuid(), 'state', 'planned',
    'is_paper_trade', false, 'attempt', 2 + (select count(*) from public.orders), 'client_order_id', left(md5(random()::text), 30),
    'permitted_at', null, 'finished_at', null, 'filled_quantity', 0));
begin
  insert into public.orders (id, user_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type, time_in_force, quantity, price,
    client_order_id, state, is_paper_trade, created_at, updated_at)
  values (v_order.id, v_order.user_id, v_order.position_id, v_order.portfolio_id, v_order.account_id, v_order.role, v_order.attempt, v_order.symbol,
    v_order.side, v_order.type, v_order.time_in_force, v_order.quantity, v_order.price, v_order.client_order_id, v_order.state,
    v_order.is_paper_trade, v_order.created_at, v_order.updated_at);
  return v_order;
end
$$;
create function pg_temp.tokens() returns numeric language sql as $$ select tokens from trading.rate_budgets where rule = 'orders_10s' $$;

select is_empty($$ select 1 from trading.rate_budgets $$, 'a paper order asks nobody and draws nothing');
update trading.rate_rules set burst = 3, per_second = 0.000001, entry_reserve = 1 where name = 'orders_10s';
select is((trading.grant_permit(pg_temp.planned(), true, trading.engine_now())).state, 'submitting', 'the permit of an order for the exchange');
select is(round(pg_temp.tokens(), 3), 2::numeric, 'draws one order');
select trading.grant_permit(pg_temp.planned(), true, trading.engine_now());
select tests.raises($$ select trading.grant_permit(pg_temp.planned(), true, trading.engine_now()) $$, 'FB429', 'request_budget_exhausted',
  'an entry is not permitted into the reserve');
select is((trading.grant_permit(pg_temp.planned(), false, trading.engine_now())).state, 'submitting', 'an exit is');
select is(trading.is_transient('FB429'), true, 'who met an empty bucket is tried again');

select * from finish();
rollback;
