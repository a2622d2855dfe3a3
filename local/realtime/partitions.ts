/** Daily partitions of realtime.messages: made ahead of time and dropped by the server, as on the hosted platform. */
import type postgres from "postgres";

const DAY_MS = 86_400_000;
const DAYS_BEHIND = 1;
const DAYS_AHEAD = 3;
/** Messages are kept for replay for this long. */
const RETENTION_MS = 72 * 3_600_000;

/** Makes the partitions of yesterday to three days ahead (UTC) and drops those whose last hour is over 72 h ago. */
export async function maintainPartitions(sql: postgres.Sql, now: Date): Promise<void> {
  const present = await sql<{ name: string }[]>`
    select c.relname as name from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass and c.relname ~ '^messages_\\d{4}_\\d\\d_\\d\\d$'`;
  const names = new Set(present.map((row) => row.name));
  for (let day = -DAYS_BEHIND; day <= DAYS_AHEAD; day++) {
    const start = new Date(now.getTime() + day * DAY_MS);
    if (names.has(partitionName(start))) continue;
    await createPartition(sql, start);
  }
  for (const name of names) {
    const end = Date.parse(name.slice("messages_".length).replaceAll("_", "-")) + DAY_MS;
    if (end <= now.getTime() - RETENTION_MS) await sql`drop table if exists realtime.${sql(name)}`;
  }
}

async function createPartition(sql: postgres.Sql, start: Date): Promise<void> {
  const [name, from, to] = [partitionName(start), isoDay(start), isoDay(new Date(start.getTime() + DAY_MS))];
  await sql.unsafe(`
    create table if not exists realtime.${name} partition of realtime.messages
      for values from ('${from}') to ('${to}');
    alter table realtime.${name} owner to supabase_realtime_admin`).simple();
}

function partitionName(day: Date): string {
  return `messages_${isoDay(day).replaceAll("-", "_")}`;
}

function isoDay(day: Date): string {
  return day.toISOString().slice(0, 10);
}
