begin;
select plan(6);

create temporary table ours as
  select p.oid, n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where p.proowner in ('fillbase_engine'::regrole, 'postgres'::regrole) and n.nspname in ('public', 'trading')
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e');

select is_empty($$ select name from ours where has_function_privilege('anon', oid, 'execute') $$, 'without a name no command can be given');
select set_eq($$ select name from ours where has_function_privilege('authenticated', oid, 'execute') $$,
  array['public.preview_entry', 'public.close_position', 'public.cancel_entry', 'public.set_risk_limits', 'public.adopt_default_limits', 'public.top_up_paper_account', 'public.reset_paper_account',
    'public.pause_trading', 'public.stop_trading', 'public.resume_trading', 'public.adopt_external_fill', 'public.write_off', 'public.release', 'public.resolve_alert', 'public.is_operator', 'public.read_stops', 'public.read_trading_states'],
  'users may give these');
select is_empty(
  $$ select name from ours where has_function_privilege('service_role', oid, 'execute') and name = any ('{trading.arm_installation,trading.fold_report,
      trading.insert_trade,trading.post_fill,trading.fund_paper_account,trading.plan_entry,trading.enqueue_job,trading.run_job,
      trading.audit,trading.raise_alert,trading.vault_text,trading.publish,trading.close_position_row,trading.set_signal_status}') $$,
  'the service role cannot forge a fill, an entry, money or an audit row, nor arm a copy of the project');
select is_empty($$ select name from ours where has_function_privilege('service_role', oid, 'execute')
    and not (select prosecdef from pg_proc p where p.oid = ours.oid) $$,
  'what it may call runs with the rights of the engine, not with its own');

select tests.act_as_service();
select throws_ok($$ select trading.fold_report(gen_random_uuid(), '{}', now()) $$, '42501', null, 'a report is folded by the engine alone');
select throws_ok($$ select trading.arm_installation('https://copy.example.test', repeat('copy', 8), 'a function') $$, '42501', null,
  'a copy cannot arm itself');

select * from finish();
rollback;
