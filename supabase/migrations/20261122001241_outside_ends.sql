-- Purpose: what is told of a stop or target that others than the engine ended at the exchange.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Self-trade prevention: which of the two orders of an account goes is the word of the one that comes. Our entries give way
-- (selfTradePreventionMode EXPIRE_TAKER), so that what ends a stop or target of ours is an order by other hands.
create function trading.expiry_words(p_reason text, p_side text) returns text
language sql immutable parallel safe
return case when p_reason <> 'EXPIRED_IN_MATCH' then p_reason
    when p_side = 'BUY' then p_reason || ': it met an order of the same account, which rests on (self-trade prevention)'
    when p_side = 'SELL' then p_reason || ': an order of the same account met it (self-trade prevention)' end;
comment on function trading.expiry_words is 'Why an order expired: the exchange''s word, with what it means where that is not plain; null: it gave none.';

-- Our own cancel or replacement is in the calls before its effect is, and no other hand's work unless it certainly had none; a leg that filled takes the other one along. A list ends
-- as one: what was told of its one leg is not counted again for the other.
create function trading.note_outside_cancel(p_order public.orders, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.role not in ('stop_loss', 'take_profit') or exists (
    select from public.orders o
    where o.position_id = p_order.position_id and (o.id = p_order.id or o.order_list_id = p_order.order_list_id)
      and (o.venue_executed_quantity > 0 or exists (
        select from trading.exchange_calls c where c.order_id = o.id and c.action in ('cancel', 'replace')
          and (coalesce(c.outcome, 'unknown') in ('accepted', 'unknown') or c.reason = 'replace_half_done'))))
    or exists (select from public.alerts a where a.code = 'stop_cancelled_outside' and a.subject_id = p_order.position_id::text
      and a.resolved_at is null and a.detail ->> 'order_list_id' = p_order.order_list_id) then
    return;
  end if;
  perform trading.raise_alert(p_now, 'warning', 'stop_cancelled_outside', p_order.user_id, 'position', p_order.position_id::text,
    format(case p_order.state when 'expired' then 'The protection of the position in %s was ended by the exchange, because an order of the same account met it; it is placed again.'
      else 'The protection of the position in %s was cancelled by other hands than the engine''s; it is placed again.' end, p_order.symbol),
    jsonb_build_object('order_id', p_order.id, 'client_order_id', p_order.client_order_id, 'order_list_id', p_order.order_list_id));
  perform trading.queue_account_check(p_order.account_id, 'stop_cancelled', p_now);
end
$$;
comment on function trading.note_outside_cancel is 'Tells the owner that a stop or target was ended by hand, cancelled or met by another order of the account, and has the account compared.';

reset role;
