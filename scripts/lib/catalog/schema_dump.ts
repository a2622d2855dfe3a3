import type postgres from "postgres";
import { dumpFunctions, dumpViews } from "./dump_code.ts";
import { dumpTables } from "./dump_tables.ts";
import { dumpTypes } from "./dump_types.ts";
import { commentOn, type Grant, grantList, grantsOn } from "./statements.ts";
import { GENERATED_NOTICE, OUR_SCHEMAS } from "./schemas.ts";

/**
 * The whole of our schemas as readable SQL: types, tables with constraints, indexes, policies, triggers and
 * grants, views, and the present source of every function. Migrations say how it came to be, this says what
 * it is; so a review sees what a migration really changes. It is for reading: objects stand by name, not in
 * an order in which they could be created.
 */
export async function dumpSchemas(sql: postgres.Sql): Promise<string> {
  return await sql.begin("read only", async (tx) => {
    // Without a search path the catalogue functions qualify every name.
    await tx`set local search_path = ''`;
    const parts = [`-- ${GENERATED_NOTICE}`];
    for (const schema of OUR_SCHEMAS) {
      parts.push(await dumpSchema(tx, schema));
      for (const dump of [dumpTypes, dumpTables, dumpViews, dumpFunctions]) {
        parts.push(...await dump(tx, schema));
      }
    }
    return parts.join("\n\n") + "\n";
  });
}

async function dumpSchema(tx: postgres.TransactionSql, schema: string): Promise<string> {
  const [row] = await tx<{ comment: string | null; grants: Grant[] }[]>`
    select obj_description(n.oid, 'pg_namespace') as comment, ${
    grantList(tx, "n.nspacl", "n", "n.nspowner")
  } as grants
      from pg_catalog.pg_namespace n where n.nspname = ${schema}`;
  const what = `schema ${schema}`;
  return [
    `-- Schema ${schema}`,
    ...commentOn(what, row?.comment ?? null),
    ...grantsOn(what, row?.grants ?? []),
  ]
    .join("\n");
}
