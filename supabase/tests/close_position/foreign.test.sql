begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.create_user('eve');
select tests.enter('one', 'alpha');
select tests.resting_entry('resting', 1);
create temporary table ids as select (tests.position_of('one')).id as open_id, (tests.position_of('resting')).id as resting_id;
grant select on ids to public;
create temporary table before as select * from tests.snapshot();

select tests.act_as_user('eve');
select tests.raises($$ select public.close_position(open_id) from ids $$, 'FB404', 'position_not_found',
  'a stranger''s position is not found');
select tests.raises($$ select public.close_position(gen_random_uuid()) $$, 'FB404', 'position_not_found',
  'nor one that is not there: the answer is the same');
select tests.raises($$ select public.cancel_entry(resting_id) from ids $$, 'FB404', 'position_not_found',
  'nor can a stranger cancel its entry');
select tests.act_as_anon();
select throws_ok($$ select public.close_position(open_id) from ids $$, '42501', null, 'without a name nothing can be closed');
select tests.act_as_user('eve', '{"sub": null}');
select tests.raises($$ select public.close_position(open_id) from ids $$, 'FB404', 'position_not_found',
  'a token that names no user is nobody''s, not everybody''s');
select tests.act_as_owner();
select tests.raises($$ select public.close_position(open_id) from ids $$, 'FB404', 'position_not_found',
  'so is a session without any token');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select * from finish();
rollback;
