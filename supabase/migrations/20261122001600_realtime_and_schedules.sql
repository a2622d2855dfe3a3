-- Purpose: who may listen to which channel, what existing frontends see as table changes, and what runs on a schedule.
-- Locks:   SHARE UPDATE EXCLUSIVE on the published tables for the length of a catalogue update.

create policy fillbase_broadcast_select_own on realtime.messages for select to authenticated
  using (realtime.messages.extension = 'broadcast'
    and (realtime.topic() = 'market' or realtime.topic() = 'user:' || (select auth.uid())::text));

do $$
declare
  v_table text;
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
  foreach v_table in array array['positions', 'orders', 'trades', 'signals', 'alerts', 'paper_balances'] loop
    if not exists (select from pg_publication_tables t
                   where t.pubname = 'supabase_realtime' and t.schemaname = 'public' and t.tablename = v_table) then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
end
$$;

-- A run sweeps every 2 s for a minute and a half; the next one follows at once (docs/decisions/0030).
select cron.schedule('fillbase-sweep', '2 seconds', 'call trading.keep_sweeping()');
select cron.schedule('fillbase-sweep-fallback', '10 seconds', 'select trading.sweep_if_nobody_did()');
select cron.schedule('fillbase-refresh-market', '2 seconds', 'select trading.ring_market()');
select cron.schedule('fillbase-seal-audit', '5 seconds', 'select trading.seal_audit()');
select cron.schedule('fillbase-prune', '17 * * * *', 'select trading.prune()');
select cron.schedule('fillbase-prune-run-details', '23 * * * *',
  'delete from cron.job_run_details where end_time < now() - interval ''1 day''');
