import { randomUUID } from "node:crypto";
import postgres from "postgres";
import {
  type ClusterCoordinates,
  clusterFromEnvironment,
  startTestCluster,
  type TestCluster,
  withDatabase,
} from "./cluster.ts";

/** A migrated database that one test has for itself. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** Superuser `supabase_admin`. */
  readonly adminUrl: string;
  /** Role `postgres`: what migrations, functions and the Data API connect as. */
  readonly url: string;
  /** Ends every connection to it and removes it; a second call does nothing. */
  drop(): Promise<void>;
}

/**
 * A fresh copy of the migrated database (about 50 ms). `label` shows in its name.
 *
 *     await using database = await cloneDatabase("halt");
 *     const sql = postgres(database.url);
 *
 * Under `deno task test` the cluster is the run's. A file run by itself with `deno test` gets a cluster
 * that starts with the first clone and stops with the drop of the last, so that nothing outlives the file.
 */
export async function cloneDatabase(label = "test"): Promise<TestDatabase> {
  const shared = clusterFromEnvironment();
  if (shared) return await cloneTemplate(shared, label);
  const lease = acquireOwnCluster();
  try {
    return await cloneTemplate(await lease.cluster, label, lease.done);
  } catch (error) {
    await lease.done();
    throw error;
  }
}

/** As `cloneDatabase`, on a given cluster; `afterDrop` runs once the clone is gone. */
export async function cloneTemplate(
  cluster: ClusterCoordinates,
  label: string,
  afterDrop: () => Promise<void> = () => Promise.resolve(),
): Promise<TestDatabase> {
  const name = `${label.toLowerCase().replace(/[^a-z0-9]+/g, "_").slice(0, 40)}_${randomUUID().slice(0, 8)}`;
  await asAdmin(cluster.adminUrl, async (admin) => {
    await admin.unsafe(`create database ${name} template ${cluster.template} owner postgres`);
    await copyDatabaseSettings(admin, cluster.template, name);
  });
  const adminUrl = withDatabase(cluster.adminUrl, name);
  await asAdmin(adminUrl, claimScheduledJobs);
  let dropped: Promise<void> | null = null;
  const drop = () =>
    dropped ??= asAdmin(cluster.adminUrl, async (admin) => {
      await admin.unsafe(`drop database if exists ${name} with (force)`);
    }).finally(afterDrop);
  return { name, adminUrl, url: withDatabase(cluster.url, name), drop, [Symbol.asyncDispose]: drop };
}

/** CREATE DATABASE copies what is inside a database, but neither its settings nor its privileges. */
async function copyDatabaseSettings(admin: postgres.Sql, template: string, name: string): Promise<void> {
  await admin`
    insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
    select clone.oid, setting.setrole, setting.setconfig
      from pg_catalog.pg_db_role_setting setting
      join pg_catalog.pg_database source on source.oid = setting.setdatabase and source.datname = ${template}
      join pg_catalog.pg_database clone on clone.datname = ${name}`;
  await admin`
    update pg_catalog.pg_database
       set datacl = (select datacl from pg_catalog.pg_database where datname = ${template})
     where datname = ${name}`;
}

/** Scheduled jobs remember the database they were created in; in the clone that must be the clone. */
async function claimScheduledJobs(admin: postgres.Sql): Promise<void> {
  const [row] = await admin<{ present: boolean }[]>`select to_regclass('cron.job') is not null as present`;
  if (row?.present) await admin`update cron.job set database = current_database()`;
}

async function asAdmin(url: string, work: (admin: postgres.Sql) => Promise<void>): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

let own: { cluster: Promise<TestCluster>; users: number } | null = null;

function acquireOwnCluster(): { cluster: Promise<TestCluster>; done: () => Promise<void> } {
  const held = own ??= { cluster: startTestCluster(), users: 0 };
  held.users += 1;
  const done = async () => {
    held.users -= 1;
    if (held.users > 0) return;
    if (own === held) own = null;
    await held.cluster.then((cluster) => cluster.stop(), () => {});
  };
  return { cluster: held.cluster, done };
}
