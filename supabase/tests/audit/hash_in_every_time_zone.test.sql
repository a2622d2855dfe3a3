begin;
select plan(2);
select tests.open_desk();
select trading.audit(trading.engine_now(), 'noted', null, null, 'test', 'one');
set local timezone = 'UTC';
create temporary table hashes on commit drop as select 'UTC' as zone, h.* from trading.audit_hash(null, '0'::xid8, '9223372036854775807'::xid8) h;
set local timezone = 'Asia/Tokyo';
insert into hashes select 'Tokyo', h.* from trading.audit_hash(null, '0'::xid8, '9223372036854775807'::xid8) h;
select is((select count(distinct hash) from hashes where row_count > 0), 1::bigint, 'a seal is the same whatever the session''s time zone');
select ok((select bool_or(row_count > 0) from hashes), 'and it covers rows with times in them');

select * from finish();
rollback;
