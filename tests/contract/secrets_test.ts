/** What is written down while a key is used, refused and replaced never has the key, its secret or a signature in it. */
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { fault } from "../harness/faults.ts";
import { TroubledDesk } from "./troubled_desk.ts";

const MINUTE_MS = 60_000;
/** What an exchange that repeats a request would send back. */
const SIGNATURE = "5ca1ab1e".repeat(8);

/** Tables of all schemas but Vault's with a row in which the text occurs. */
async function tablesWith(sql: Sql, text: string): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname not in ('vault', 'pg_catalog', 'information_schema') order by 1`;
  assert.ok(tables.length > 50, `only ${tables.length} tables`);
  const found = [];
  for (const { name } of tables) {
    const [row] = await sql.unsafe(
      `select exists (select from ${name} t where strpos(t::text, $1) > 0) as "isThere"`,
      [text],
    );
    if (row!["isThere"]) found.push(name);
  }
  return found;
}

Deno.test("no row of any table but Vault's holds a key, its secret or a signature, whatever came back from the exchange", async () => {
  await using desk = await TroubledDesk.holding();
  const { sql, simulator } = desk.floor;
  const { apiKey, secret } = desk.user.key;
  simulator.faults.add(fault("html", { times: 3 }));
  simulator.faults.add(
    fault("altered", { times: 2, alter: { msg: `${apiKey} ${secret} signature=${SIGNATURE}` } }),
  );
  await desk.go(MINUTE_MS);
  desk.user.key.isRevoked = true;
  await desk.close();
  await desk.go(2 * MINUTE_MS);
  await desk.connect();
  await desk.go(MINUTE_MS);
  assert.equal((await desk.position()).status, "closed");

  assert.ok(
    (await tablesWith(sql, desk.user.accountId)).includes("trading.exchange_calls"),
    "the search finds what is there",
  );
  for (const text of [apiKey, secret, SIGNATURE]) assert.deepEqual(await tablesWith(sql, text), []);
});
