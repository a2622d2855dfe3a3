-- Purpose: the states of positions and orders and the changes between them that are legal.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.position_transitions (
  from_status text not null,
  to_status   text not null,
  note        text not null,
  primary key (from_status, to_status)
);
comment on table trading.position_transitions is 'Every legal change of positions.status; from_status empty: a row may be born so. Enforced by trigger for every writer.';
insert into trading.position_transitions values
  ('', 'created', 'the entry was planned'),
  ('', 'submitting', 'the entry was planned and its order permitted in one commit'),
  ('created', 'submitting', 'the entry order has its permit'),
  ('created', 'failed', 'the entry was denied or abandoned before it was sent'),
  ('submitting', 'open', 'the first fill'),
  ('submitting', 'failed', 'the entry ended without a fill'),
  ('open', 'monitoring', 'the first management decision'),
  ('open', 'closing', 'an exit for the whole was planned'),
  ('monitoring', 'closing', 'an exit for the whole was planned'),
  ('closing', 'open', 'the exit did not finish; coins are still there'),
  ('closing', 'monitoring', 'the exit did not finish; coins are still there'),
  ('closing', 'closed', 'nothing sellable is left'),
  ('failed', 'open', 'a fill arrived for an entry believed dead'),
  ('closed', 'open', 'a fill arrived for a position believed closed');

create table trading.order_transitions (
  from_status text not null,
  to_status   text not null,
  note        text not null,
  primary key (from_status, to_status)
);
comment on table trading.order_transitions is 'Every legal change of orders.state; from_status empty: a row may be born so. Enforced by trigger for every writer.';
insert into trading.order_transitions values
  ('', 'planned', 'intent, not yet allowed to leave'),
  ('', 'submitting', 'intent and permit in one commit; from here on it is only asked about'),
  ('', 'working', 'a protective order resting on the paper venue, planned and placed in one commit'),
  ('planned', 'submitting', 'the permit was given; from here on it is only asked about'),
  ('planned', 'denied', 'refused by the last gate'),
  ('planned', 'abandoned', 'no longer wanted before it was sent'),
  ('submitting', 'working', 'the venue accepted it'),
  ('submitting', 'partially_filled', 'accepted and filled in part'),
  ('submitting', 'filled', 'accepted and filled at once'),
  ('submitting', 'cancelled', 'accepted, then cancelled'),
  ('submitting', 'expired', 'accepted; what did not fill expired'),
  ('submitting', 'rejected', 'refused by the venue'),
  ('submitting', 'not_sent', 'proven: no byte left'),
  ('submitting', 'unknown', 'sent, and not proven accepted or refused'),
  ('unknown', 'working', 'found at the venue'),
  ('unknown', 'partially_filled', 'found at the venue'),
  ('unknown', 'filled', 'found at the venue'),
  ('unknown', 'cancelled', 'found at the venue'),
  ('unknown', 'expired', 'found at the venue'),
  ('unknown', 'rejected', 'found at the venue'),
  ('unknown', 'not_placed', 'absence proven'),
  ('working', 'partially_filled', 'a fill'),
  ('working', 'filled', 'the last fill'),
  ('working', 'cancelled', 'cancelled'),
  ('working', 'expired', 'ended by its time in force'),
  ('working', 'rejected', 'a trigger fired and the venue refused the order'),
  ('partially_filled', 'filled', 'the last fill'),
  ('partially_filled', 'cancelled', 'the rest was cancelled'),
  ('partially_filled', 'expired', 'the rest expired'),
  ('cancelled', 'partially_filled', 'a late fill'),
  ('cancelled', 'filled', 'a fill won the race against the cancel'),
  ('expired', 'partially_filled', 'a late fill'),
  ('expired', 'filled', 'a late fill'),
  ('rejected', 'partially_filled', 'a fill proved the rejection wrong'),
  ('rejected', 'filled', 'a fill proved the rejection wrong'),
  ('not_placed', 'partially_filled', 'a fill proved the absence wrong'),
  ('not_placed', 'filled', 'a fill proved the absence wrong');

reset role;
