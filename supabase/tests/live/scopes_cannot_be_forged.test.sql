begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.bought_live('one', 'alpha');

-- Users choose the ids of their traders. Ann names one like her portfolio.
select tests.act_as_user('ann');
insert into public.traders (id, user_id, name, paper_trade_mode) select portfolio_id, user_id, 'namesake', false from public.positions limit 1;
select tests.act_as_owner();
update public.risk_limits set max_drawdown_percent = 50;
select tests.tick(120, 120.1);
select lives_ok($$ select trading.sweep() $$, 'the sweep goes on');
select is((select count(*) from trading.risk_marks where scope = 'portfolio'), 1::bigint, 'the portfolio has its mark');
select isnt(trading.own_scope_id(false, null, (select id from public.traders where name = 'namesake')), (tests.position_of('one')).portfolio_id,
  'a live trader''s own scope is no id that anybody could choose');
select isnt(trading.own_scope_id(false, null, (tests.position_of('one')).account_id), (tests.position_of('one')).account_id, 'nor that of an account');
select is((select count(*) from trading.loss_trips), 0::bigint, 'nothing trips');

select * from finish();
rollback;
