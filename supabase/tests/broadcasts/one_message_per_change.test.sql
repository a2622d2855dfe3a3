begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');

-- What would be sent, as the platform's own table has partitions only where its server runs.
create temporary table sent (n serial, topic text, event text, payload jsonb);
create or replace function trading.publish(p_topic text, p_event text, p_payload jsonb) returns void language sql set search_path = ''
as $$ insert into pg_temp.sent (topic, event, payload) values (p_topic, p_event, p_payload) $$;
grant all on sent, sent_n_seq to public;

select tests.enter('one', 'alpha');
select tests.enter('two', 'beta');
select tests.enter('refused', 'alpha', '{"stopLoss": 101}');
select results_eq($$ select topic, event, payload ->> 'version', payload ->> 'portfolio' from sent order by n $$,
  $$ values ('user:' || tests.user_id('ann'), 'position', '1', 'paper'), ('user:' || tests.user_id('bob'), 'position', '1', 'paper'),
            ('user:' || tests.user_id('ann'), 'signal', '2', 'paper') $$,
  'each change is one message on its owner''s channel, with the portfolio''s next version');
select is((select (payload -> 'position') - '{id,trader_id,signal_id,opened_at,version}'::text[] from sent where n = 1),
  '{"symbol": "SOLUSDT", "status": "open", "is_paper_trade": true, "quantity": "0.999", "cost": "100", "entry_price": "100", "entry_quantity": "1",
    "exit_price": null, "realized_pnl": "0", "fees_paid": "0.1", "stop_loss_price": "95", "take_profit_price": null, "exit_reason": null,
    "failure_code": null, "failure_reason": null, "closed_at": null}'::jsonb, 'a position as it is now, money as text');
select is((select payload ->> 'balance' from sent where n = 1), '9900', 'with the balance');
select is((select payload - 'version' from sent where event = 'signal'), jsonb_build_object('signal_id', tests.signal_id('refused'), 'status',
  'rejected',
  'code', 'stop_not_below_entry', 'message', 'the stop must lie below the entry and the market', 'portfolio', 'paper'),
  'a refusal with its code and words');

delete from sent;
select tests.settings('{"price_broadcast_ms": 0}');
select tests.tick(100.5, 100.6);
select is((select jsonb_build_array(topic, event, payload) from sent),
  '["market", "prices", {"prices": [["SOLUSDT", "100.5", "100.6", "100.5", "2026-03-02T12:00:02+00:00", 2]]}]'::jsonb,
  'a tick is one message for everybody');

select * from finish();
rollback;
