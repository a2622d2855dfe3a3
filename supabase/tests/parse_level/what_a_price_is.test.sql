begin;
select plan(2);

create temporary table cases (written jsonb, level numeric);
insert into cases values
  ('100', 100), ('100.50', 100.5), ('0.00000001', 0.00000001), ('"100"', 100), ('"100.50"', 100.5), ('" 100 "', 100), ('1e2', 100),
  ('"1e2"', 100), ('"1E-8"', 0.00000001), ('999999999999', 999999999999), ('0.000000000000000001', 0.000000000000000001),
  ('null', null), ('""', null), ('"   "', null), (null, null),
  ('0', 'NaN'), ('"0"', 'NaN'), ('-1', 'NaN'), ('"-1"', 'NaN'), ('"NaN"', 'NaN'), ('"nan"', 'NaN'), ('"Infinity"', 'NaN'), ('"-Infinity"', 'NaN'),
  ('"inf"', 'NaN'), ('1e12', 'NaN'), ('1e30', 'NaN'), ('"1e30"', 'NaN'), ('1e400', 'NaN'), ('"1e99"', 'NaN'), ('"1e-99"', 'NaN'), ('"1e999999"', 'NaN'),
  ('0.0000000000000000001', 'NaN'), ('"1.0123456789012345678901234567890123456789"', 'NaN'),
  ('1.0123456789012345678901234567890123456789', 'NaN'), ('"ninety"', 'NaN'), ('"1,000"', 'NaN'), ('"$100"', 'NaN'), ('"100 USDT"', 'NaN'),
  ('"0x64"', 'NaN'), ('"1_000"', 'NaN'), ('".5"', 'NaN'), ('"5."', 'NaN'), ('"+5"', 'NaN'), (E'"5\\n6"', 'NaN'), ('"٣"', 'NaN'),
  ('true', 'NaN'), ('false', 'NaN'), ('[]', 'NaN'), ('[100]', 'NaN'), ('{}', 'NaN'), ('{"price": 100}', 'NaN');

select results_eq('select written, trading.parse_level(written) from cases', 'select written, level from cases',
  'a number or a numeric string is a price, nothing is nothing, and everything else is NaN: never an error, never a guess');
select is(trading.parse_level('"1.010000000000000000000000000000"'), 1.01, 'zeros behind a price are not decimals');

select * from finish();
rollback;
