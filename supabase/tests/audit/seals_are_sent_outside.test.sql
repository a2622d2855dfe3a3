begin;
select plan(4);
select tests.open_desk();
-- The rows of this transaction cannot be sealed in it, so a seal is made by hand.
create temporary table seal on commit drop as
  select 7::bigint as id, '1'::xid8 as from_transaction, '9'::xid8 as to_transaction, 3::bigint as row_count, '\xabcd'::bytea as hash, now() as sealed_at;

select trading.send_seal(s::text::trading.audit_seals) from seal s;
select is_empty($$ select 1 from net.http_request_queue $$, 'without an address nothing is sent');

select vault.create_secret('https://notary.example.test/seals', 'seal_sink_url');
select trading.send_seal(s::text::trading.audit_seals) from seal s;
select results_eq(
  $$ select url, convert_from(body, 'UTF8')::jsonb - 'sealed_at' from net.http_request_queue $$,
  $$ values ('https://notary.example.test/seals',
       '{"installation": "https://desk.example.test", "seal_id": 7, "row_count": 3, "hash": "abcd"}'::jsonb) $$,
  'with one the head goes there, and nothing of what it seals');

delete from net.http_request_queue;
select vault.update_secret((select id from vault.secrets where name = 'seal_sink_url'), 'no address');
select lives_ok($$ select trading.send_seal(s::text::trading.audit_seals) from seal s $$, 'a bad address does not stop the sealing');
select is_empty($$ select 1 from net.http_request_queue $$, 'and nothing is queued for it');

select * from finish();
rollback;
