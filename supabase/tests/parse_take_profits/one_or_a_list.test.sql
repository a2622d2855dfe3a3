begin;
select plan(1);

create temporary table cases (written jsonb, levels numeric[]);
insert into cases values
  (null, '{}'), ('null', '{}'), ('[]', '{}'), ('[null, ""]', '{}'), ('110', '{110}'), ('"110"', '{110}'), ('[110]', '{110}'),
  ('[120, "110", 115.5]', '{110,115.5,120}'), ('[110, 110, "110.0"]', '{110}'), ('[110, null, 120]', '{110,120}'),
  ('[110, "high"]', '{110,NaN}'), ('[-1]', '{NaN}'), ('[[110]]', '{NaN}'), ('{"first": 110}', '{NaN}'), ('"high"', '{NaN}'), ('true',
  '{NaN}');

select results_eq('select written, trading.parse_take_profits(written) from cases', 'select written, levels from cases',
  'targets come as one or as a list; they leave in ascending order, each once, with NaN for what is none');

select * from finish();
rollback;
