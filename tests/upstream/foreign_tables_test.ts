import assert from "node:assert/strict";
import { withCluster } from "../../local/testing.ts";
import { pushMigrations } from "../../scripts/lib/supabase_cli.ts";
import { install, LIVE_TABLES, rowsOf, structuresOf } from "./installation.ts";

/** Somebody's tables that only share a name with ours. */
const FOREIGN = {
  orders: `
    create table public.orders (id uuid primary key default gen_random_uuid(), customer text not null);
    insert into public.orders (customer) values ('one'), ('two');`,
  positions: `
    create table public.positions (title text, grade int);
    insert into public.positions values ('clerk', 3);`,
  // The shape of the earlier design has orders and positions beside it.
  trades: `
    create table public.trades (id text primary key, skill text);
    insert into public.trades values ('carpenter', 'wood');`,
} as const;

Deno.test("somebody else's orders, positions or trades stop the migrations with words, and nothing is moved or changed", async () => {
  await withCluster(async ({ pg, sql }) => {
    await install(sql, ["schema", "rows"]);
    for (const [table, script] of Object.entries(FOREIGN)) {
      await sql.unsafe(script).simple();
      const picture = async () => ({
        rows: await rowsOf(sql, "public", [...LIVE_TABLES, table]),
        structures: await structuresOf(sql, "public", [...LIVE_TABLES, table]),
      });
      const before = await picture();
      const failure = await pushMigrations(pg.url).then(() => "", (error: Error) => error.message);
      assert.match(
        failure,
        new RegExp(`table_clash: public\\.${table} exists and is not the earlier design`),
      );
      assert.match(failure, /Rename or move that table yourself/);
      assert.deepEqual(await picture(), before);
      await sql.unsafe(`alter table public.${table} rename to their_${table}`);
    }
    // Once their owner has moved them, the same command succeeds, and they keep their rows.
    await pushMigrations(pg.url);
    const theirs = Object.keys(FOREIGN).map((table) => `their_${table}`);
    const counts = [...await rowsOf(sql, "public", theirs)].map(([table, rows]) => [table, rows.length]);
    assert.deepEqual(counts, [["their_orders", 2], ["their_positions", 1], ["their_trades", 1]]);
  });
});
