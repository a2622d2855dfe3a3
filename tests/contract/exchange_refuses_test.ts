/** What keys, coins, symbols, filters, clocks and silences of an exchange lead to: a state, an alert, a way on. */
import assert from "node:assert/strict";
import { fixed } from "../../simulator/core/fixed.ts";
import { deposit } from "../../simulator/engine/accounts.ts";
import type { ApiKey } from "../../simulator/http/keys.ts";
import { fault } from "../harness/faults.ts";
import { TroubledDesk } from "./troubled_desk.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Requests a minute that a single position may cost while nothing works; a hot loop makes thousands. */
const CALM = 60;

/** What an exchange can have against a key; -2015 does not say which. */
const KEYS: readonly (readonly [what: string, spoil: (key: ApiKey) => void])[] = [
  ["revoked", (key) => key.isRevoked = true],
  ["that may only read", (key) => key.canTrade = false],
  ["bound to another address", (key) => key.ips = ["203.0.113.1"]],
];

for (const [what, spoil] of KEYS) {
  Deno.test(`a key ${what} denies entries, keeps the position and its stop, and is tried in peace until another one works`, async () => {
    await using desk = await TroubledDesk.holding();
    spoil(desk.user.key);
    await desk.close();
    const count = await desk.requestsWhile(() => desk.go(5 * MINUTE_MS));

    await desk.assertRemembered();
    assert.ok(count <= 5 * CALM, `${count} requests`);
    assert.equal(await desk.raised("exchange_key_refused"), 1);
    assert.equal(
      await desk.signal(await desk.enter("ETHUSDT", { stopLoss: 2_900 })),
      "rejected trading_not_active",
    );
    await desk.connect();
    await desk.go(MINUTE_MS);
    assert.equal((await desk.position()).status, "closed");
    assert.ok(!(await desk.alerts()).includes("exchange_key_refused"));
    await desk.resume();
    assert.equal(await desk.signal(await desk.enter("ETHUSDT", { stopLoss: 2_900 })), "in_position");
  });
}

Deno.test("a key with a wrong secret is refused at its first question, and nothing is entered with it", async () => {
  await using desk = await TroubledDesk.open();
  const { exchangeAccount, id } = desk.user;
  const uid = String(desk.floor.simulator.openAccount(exchangeAccount).uid);
  await desk.floor.sql`
    select trading.connect_exchange_account(${id}, 'simulator', ${uid}, ${desk.user.key.apiKey}, 'not the secret of it')`;
  await desk.floor.settle();

  assert.ok((await desk.alerts()).includes("exchange_key_refused"));
  assert.equal(await desk.signal(await desk.enter()), "rejected trading_not_active");
  assert.equal(desk.placed("BUY"), 0);
});

Deno.test("an entry for which the exchange has no cash, though the books have, is refused and the books learn it", async () => {
  await using desk = await TroubledDesk.open();
  deposit(desk.floor.simulator.state, desk.user.exchangeAccount, "USDT", -fixed("9950"));

  assert.equal(await desk.signal(await desk.enter()), "rejected entry_rejected");
  await desk.go(11 * MINUTE_MS, 10_000);
  assert.equal(await desk.signal(await desk.enter()), "rejected insufficient_balance");
  await desk.assertSettled();
});

Deno.test("a symbol that the exchange stops in mid-position keeps its stop armed and is sold when it trades again", async () => {
  await using desk = await TroubledDesk.holding();
  const { rules } = desk.floor.simulator.state.markets.get("BTCUSDT")!;
  rules.status = "HALT";
  await desk.close();
  const count = await desk.requestsWhile(() => desk.go(5 * MINUTE_MS));

  await desk.assertRemembered();
  assert.ok(count <= 5 * CALM, `${count} requests`);
  assert.ok((await desk.alerts()).includes("exit_failed"));
  rules.status = "TRADING";
  await desk.floor.list();
  await desk.go(MINUTE_MS);
  assert.equal((await desk.position()).status, "closed");
  assert.deepEqual(await desk.alerts(), []);
});

Deno.test("a lot step that grew since it was read refuses the entry and is read again, and then entries fit it", async () => {
  await using desk = await TroubledDesk.open();
  await desk.go(2 * MINUTE_MS, 10_000);
  desk.setFilter("LOT_SIZE", { stepSize: fixed("0.001"), minQty: fixed("0.001") });
  assert.equal(await desk.signal(await desk.enter()), "rejected entry_rejected");
  assert.deepEqual(await desk.alerts(), ["filters_doubted"]);

  await desk.floor.list();
  assert.deepEqual(await desk.alerts(), []);
  await desk.floor.sql`update public.traders set sizing_value = 300`;
  assert.equal(await desk.signal(await desk.enter()), "in_position");
});

Deno.test("a guard that the exchange's new rules refuse is told, the engine's own stop stays armed, and it rests again once it fits", async () => {
  await using desk = await TroubledDesk.holding();
  const { id } = await desk.position();
  desk.setFilter("PRICE_FILTER", { tickSize: fixed("70") });
  await desk.floor.command("select public.close_position($1, 0.0008)", [id]);
  await desk.go(MINUTE_MS);

  const rest = "0.00084835";
  await desk.assertRemembered(rest);
  assert.ok((await desk.alerts()).includes("venue_stop_refused"));
  assert.ok((await desk.alerts()).includes("position_unguarded"));
  desk.setFilter("PRICE_FILTER", { tickSize: fixed("0.01") });
  await desk.go(2 * MINUTE_MS);
  await desk.assertGuarded(rest);
  assert.ok(!(await desk.alerts()).includes("position_unguarded"));
});

Deno.test("an exchange that is down for an hour is asked in peace and alerted once, and what the stop missed is made good", async () => {
  await using desk = await TroubledDesk.holding();
  desk.floor.simulator.restart(HOUR_MS);
  const count = await desk.requestsWhile(async () => {
    await desk.go(10 * MINUTE_MS, 10_000);
    await desk.floor.tick("BTCUSDT", "57000", "57010");
    await desk.go(48 * MINUTE_MS, 30_000);
  });

  await desk.assertRemembered();
  assert.ok(count <= 58 * CALM, `${count} requests`);
  assert.equal(await desk.raised("exchange_silent"), 1);
  desk.floor.trade("BTCUSDT", "57000", "57010");
  await desk.go(5 * MINUTE_MS, 10_000);
  assert.equal((await desk.position()).status, "closed");
  assert.ok(!(await desk.alerts()).includes("exchange_silent"));
  await desk.assertSettled();
});

for (const [who, status] of [["a firewall", 403], ["a country's law", 451]] as const) {
  Deno.test(`an exchange that ${who} stands before (HTTP ${status}) is silent, which no key is to blame for, and speaks again`, async () => {
    await using desk = await TroubledDesk.holding();
    desk.floor.simulator.faults.add(fault("html", { status }));
    await desk.close();
    const count = await desk.requestsWhile(() => desk.go(5 * MINUTE_MS));

    await desk.assertRemembered();
    assert.ok(count <= 5 * CALM, `${count} requests`);
    assert.equal(await desk.raised("exchange_silent"), 1);
    assert.equal(await desk.raised("exchange_key_refused"), 0);
    desk.floor.simulator.faults.clear();
    // Nobody has refused anything, so nobody waits longer than for any other silence.
    await desk.go(20_000);
    assert.equal((await desk.position()).status, "closed");
    assert.ok(!(await desk.alerts()).includes("exchange_silent"));
    assert.equal(await desk.signal(await desk.enter("ETHUSDT", { stopLoss: 2_900 })), "in_position");
  });
}

Deno.test("an exchange whose clock is five seconds off refuses an order, which is told, is measured again and takes the entry's next order", async () => {
  await using desk = await TroubledDesk.open();
  desk.floor.simulator.skewMs = 5_000;
  const entry = await desk.enter();
  assert.equal(await desk.signal(entry), "ready");
  assert.deepEqual(await desk.alerts(), ["exchange_clock_off"]);
  await desk.go(2_000);
  assert.equal(await desk.signal(entry), "in_position");
  await desk.go(2_000);
  await desk.assertGuarded();
  await desk.close();
  assert.equal((await desk.position()).status, "closed");
  await desk.go(11 * MINUTE_MS, 30_000);
  assert.deepEqual(await desk.alerts(), []);
  assert.equal(await desk.raised("exchange_clock_off"), 1);
});
