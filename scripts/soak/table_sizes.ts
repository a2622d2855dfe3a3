/** How large every table is, and which of them only grow. */
import type { Sql } from "postgres";

/** A table with its rows, and with its indexes in bytes. */
export interface TableSize {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** A table at the end of a run, beside what it was in the middle. */
export interface TableGrowth extends TableSize {
  readonly rowsPerHour: number;
  readonly bytesPerHour: number;
}

/** A table that gained a tenth, and more rows than chance brings, in the second half of a run is one that grows. */
const GROWN_SHARE = 0.1;
const GROWN_ROWS = 50;

/** Every table outside the system's schemas, partitions by themselves, counted row by row. */
export async function readTableSizes(sql: Sql): Promise<TableSize[]> {
  const tables = await sql<{ schema: string; table: string; bytes: number }[]>`
    select n.nspname as schema, c.relname as table, pg_total_relation_size(c.oid)::float8 as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'vault')
    order by 1, 2`;
  const sizes: TableSize[] = [];
  for (const { schema, table, bytes } of tables) {
    const [row] = await sql<{ rows: number }[]>`
      select count(*)::float8 as rows from ${sql(schema)}.${sql(table)}`;
    if (row!.rows > 0) sizes.push({ name: `${schema}.${table}`, rows: row!.rows, bytes });
  }
  return sizes;
}

/** The tables that were still growing in the last `hours` of a run, the most bytes an hour first. */
export function findGrowth(
  before: readonly TableSize[],
  after: readonly TableSize[],
  hours: number,
): TableGrowth[] {
  const earlier = new Map(before.map((table) => [table.name, table]));
  return after.flatMap((table) => {
    const rows = table.rows - (earlier.get(table.name)?.rows ?? 0);
    const bytes = table.bytes - (earlier.get(table.name)?.bytes ?? 0);
    if (rows < GROWN_ROWS || rows < GROWN_SHARE * (table.rows - rows)) return [];
    return [{ ...table, rowsPerHour: Math.round(rows / hours), bytesPerHour: Math.round(bytes / hours) }];
  }).sort((a, b) => b.bytesPerHour - a.bytesPerHour);
}
