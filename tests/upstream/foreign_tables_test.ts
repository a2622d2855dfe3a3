import assert from "node:assert/strict";
import { withCluster } from "../../local/testing.ts";
import { pushMigrations } from "../../scripts/lib/supabase_cli.ts";
import { install, LIVE_TABLES, rowsOf, structuresOf } from "./installation.ts";

/** Somebody's tables that only share a name with ours. */
const FOREIGN = {
  "orders with a uuid for its id": `
    create table public.orders (id uuid primary key default gen_random_uuid(), customer text not null);
    insert into public.orders (customer) values ('one'), ('two');`,
  "positions without an id": `
    create table public.positions (title text, grade int);
    insert into public.positions values ('clerk', 3);`,
} as const;

for (const [what, script] of Object.entries(FOREIGN)) {
  Deno.test(`a table ${what} stops the migrations with words, and nothing is moved or changed`, async () => {
    await withCluster(async ({ pg, sql }) => {
      await install(sql, ["schema", "rows"]);
      await sql.unsafe(script).simple();
      const table = what.split(" ", 1)[0]!;
      const tables = [...LIVE_TABLES, table];
      const before = {
        rows: await rowsOf(sql, "public", tables),
        structures: await structuresOf(sql, "public", tables),
      };

      const failure = await pushMigrations(pg.url).then(() => "", (error: Error) => error.message);
      assert.match(
        failure,
        new RegExp(`table_clash: public\\.${table} exists and is not the earlier design`),
      );
      assert.match(failure, /Rename or move that table yourself/);
      assert.deepEqual(await rowsOf(sql, "public", tables), before.rows);
      assert.deepEqual(await structuresOf(sql, "public", tables), before.structures);

      // Once the owner has moved it, the same command succeeds.
      await sql.unsafe(`alter table public.${table} rename to their_${table}`);
      await pushMigrations(pg.url);
      const kept = await rowsOf(sql, "public", [`their_${table}`]);
      assert.deepEqual(kept.get(`their_${table}`), before.rows.get(table));
    });
  });
}
