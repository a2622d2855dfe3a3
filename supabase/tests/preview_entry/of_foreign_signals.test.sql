begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('built in', null);
select tests.create_user('eve');
select tests.decide('one', 'alpha');
select tests.decide('two', 'built in');

select tests.act_as_user('eve');
select tests.raises($$ select public.preview_entry(tests.signal_id('one')) $$, 'FB404', 'signal_not_found',
  'a stranger''s signal is not found');
select tests.raises($$ select public.preview_entry(tests.signal_id('nobody''s')) $$, 'FB404', 'signal_not_found',
  'nor one that is not there: the answer is the same');
select tests.raises($$ select public.preview_entry(tests.signal_id('two')) $$, 'FB404', 'signal_not_found',
  'a built-in trader''s signal is nobody''s');
select tests.act_as_anon();
select throws_ok($$ select public.preview_entry(tests.signal_id('one')) $$, '42501', null, 'without a name there is no preview');
select tests.act_as_service();
select is(public.preview_entry(tests.signal_id('one')) -> 'passed', 'true'::jsonb, 'the service role may look at everybody''s');

select * from finish();
rollback;
