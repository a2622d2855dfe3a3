import assert from "node:assert/strict";
import { checkAlerts } from "../../scripts/lib/gates/alert_table.ts";

const SQL = `
create table trading.locks (
  id   uuid primary key,
  code text not null check (code in ('cooldown', 'guard'))
);
create function trading.ends_by_itself(p_alert public.alerts) returns boolean
language sql return (p_alert).code in ('cooldown', 'guard');
create function trading.lock(p_code text) returns void as $$
  insert into trading.locks (id, code) values (gen_random_uuid(), p_code);
  perform trading.raise_alert(p_now, case p_code when 'cooldown' then 'info' else 'warning' end, p_code, null, 'lock', 'it');
$$;
  perform trading.raise_alert(coalesce(p_now, now()), 'critical', 'entry_failed', v_user_id, 'signal', 'x', 'It isn''t (done), see');
  perform trading.raise_alert(p_now, 'info', 'entry_denied:' || (p_a ->> 'code'), v_user_id, 'trader', 'y');
`;
const HEAD = "| alert | severity | meaning | do |\n| --- | --- | --- | --- |\n";
const ROWS = [
  "| `cooldown` | info | a stop | nothing; resolved by itself when its time is over |",
  "| `guard` | warning | stops | resolved when its time is over |",
  "| `entry_failed` | critical | an entry | resolve by hand |",
  "| `entry_denied:<code>` | info | a rule | resolved after a day |",
];

function messages(rows: readonly string[], sql = SQL): string[] {
  return checkAlerts([
    { path: "supabase/migrations/20260101000000_a.sql", text: sql },
    { path: "docs/operations.md", text: `# Alerts\n\n${HEAD}${rows.join("\n")}\n\n| \`other\` | table |\n` },
  ]).map(({ message }) => message);
}

Deno.test("a page that has every alert with its severity and its end is fine", () => {
  assert.deepEqual(messages(ROWS), []);
});

Deno.test("an alert without a row is found, whether its code is written out, begun, or one of a column's", () => {
  for (const [at, code] of ["cooldown", "guard", "entry_failed", "entry_denied:<code>"].entries()) {
    const found = messages(ROWS.filter((_, index) => index !== at));
    assert.deepEqual(found, [`No table of docs/operations.md has the alert ${code}.`]);
  }
  const hidden = messages(
    ROWS,
    SQL.replaceAll("trading.locks", "trading.unlisted").replace(" check (code in ('cooldown', 'guard'))", ""),
  );
  assert.match(hidden.join(), /has the alert p_code, which is no literal/);
});

Deno.test("a row that nothing raises, and one of another severity, are found", () => {
  assert.deepEqual(messages([...ROWS, "| `bygone` | info | was | resolve by hand |"]), [
    "Nothing raises the alert bygone.",
  ]);
  const milder = ROWS.map((row) => row.replace("critical", "warning"));
  assert.deepEqual(messages(milder), ["entry_failed is critical, not warning."]);
});

Deno.test("a row has to say how the alert ends, and not by hand where the engine ends it", () => {
  assert.deepEqual(messages(ROWS.map((row) => row.replace("resolve by hand", "read it"))), [
    "entry_failed: the row does not say how the alert ends.",
  ]);
  assert.deepEqual(messages(ROWS.map((row) => row.replace("resolved when", "resolve by hand when"))), [
    "guard: the engine resolves it, nobody can by hand.",
  ]);
});
