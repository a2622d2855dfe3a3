import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { startPostgres } from "./postgres.ts";
import { eventually, withCluster, withDataDir } from "./testing.ts";

const isRoot = Deno.uid() === 0;

async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await Deno.readTextFile(join(dataDir, "cluster", "postmaster.pid"))).split("\n")[0]);
}

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** Retries while the server is away, as a client of a restarting database must. */
async function patiently<T>(query: () => Promise<T>): Promise<T> {
  return await eventually("a query after the restart", () => query().catch(() => null));
}

Deno.test("a fresh data directory becomes a server whose role postgres is no superuser", async () => {
  await withCluster(async ({ sql, admin }) => {
    const [own] = await sql`select current_user as name, current_setting('is_superuser') as super`;
    assert.deepEqual({ ...own }, { name: "postgres", super: "off" });
    const [server] = await admin`
      select current_setting('is_superuser') as super, current_setting('wal_level') as wal,
        current_setting('listen_addresses') as listen, current_setting('TimeZone') as zone,
        current_setting('server_encoding') as encoding`;
    assert.deepEqual(
      { ...server },
      { super: "on", wal: "logical", listen: "127.0.0.1", zone: "UTC", encoding: "UTF8" },
    );
  });
});

Deno.test("another user of the machine cannot log in without the password, nor read it", async () => {
  await withCluster(async ({ pg, dataDir }) => {
    for (const role of ["postgres", "supabase_admin"] as const) {
      const url = new URL(pg.urlFor("postgres", role));
      url.password = "wrong";
      const intruder = postgres(url.href, { max: 1 });
      await assert.rejects(intruder`select 1`.execute(), { code: "28P01" });
      await intruder.end();
    }
    for (const name of ["passwords.json", "vault.key"]) {
      assert.equal((await Deno.stat(join(dataDir, name))).mode! & 0o777, 0o600, name);
    }
    assert.equal((await Deno.stat(join(dataDir, "cluster"))).mode! & 0o077, 0);
  });
});

Deno.test("after kill -9 of the server it runs again on the same port with every committed row", async () => {
  await withCluster(async ({ pg, sql, dataDir }) => {
    await sql`create table ledger (id int primary key)`;
    const restarted = Promise.withResolvers<void>();
    pg.onRestart(() => restarted.resolve());
    let acknowledged = 0;
    for (; acknowledged < 50; acknowledged++) await sql`insert into ledger values (${acknowledged})`;
    Deno.kill(await postmasterPid(dataDir), "SIGKILL");
    await restarted.promise;
    const [row] = await patiently(() => sql`select count(*)::int as count from ledger`.execute());
    assert.equal(row!.count, acknowledged);
  }, { durability: "full" });
});

Deno.test("a server that keeps dying is given up with an error that says so", async () => {
  await withCluster(async ({ pg, dataDir }) => {
    const failed = Promise.withResolvers<Error>();
    pg.onFailure(failed.resolve);
    let killed = 0;
    const killOnce = async () => {
      const pid = await postmasterPid(dataDir).catch(() => 0);
      if (pid !== killed && pid > 0 && isAlive(pid)) Deno.kill(killed = pid, "SIGKILL");
    };
    await killOnce();
    pg.onRestart(() => void killOnce());
    assert.match((await failed.promise).message, /died more than 5 times within 60 s and stays down/);
  });
});

/** A program that owns a server and prints each number once its row is committed. */
const WRITER = `
  import { startPostgres } from "./postgres.ts";
  import postgres from "postgres";
  const pg = await startPostgres({ dataDir: Deno.args[0], durability: "full" });
  const sql = postgres(pg.adminUrl, { max: 1 });
  await sql\`create table ledger (id int primary key)\`;
  for (let id = 0;; id++) {
    await sql\`insert into ledger values (\${id})\`;
    console.log(id);
  }
`;

/** Runs the writer until it has acknowledged some rows, kills it with SIGKILL and returns what it acknowledged. */
async function killWriter(dataDir: string, beforeKill: () => Promise<void>): Promise<number[]> {
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", WRITER, dataDir],
    cwd: new URL(".", import.meta.url).pathname,
    stdout: "piped",
  }).spawn();
  let output = "";
  let isKilled = false;
  for await (const text of writer.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (isKilled || !output.includes("\n20\n")) continue;
    isKilled = true;
    await beforeKill();
    writer.kill("SIGKILL");
  }
  await writer.status;
  return output.split("\n").slice(0, -1).map(Number);
}

Deno.test("after kill -9 of the owning program the server ends and no acknowledged row is lost", async () => {
  await withDataDir(async (dataDir) => {
    let pid = 0;
    const acknowledged = await killWriter(dataDir, async () => void (pid = await postmasterPid(dataDir)));
    await eventually("the end of the server", () => isAlive(pid) ? null : true);
    await assertRows(dataDir, acknowledged);
  });
});

Deno.test({
  name: "a server that outlived its owner, because nobody told it, is stopped by the next start",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withDataDir(async (dataDir) => {
      let pid = 0;
      const acknowledged = await killWriter(dataDir, async () => {
        pid = await postmasterPid(dataDir);
        for await (const { name } of Deno.readDir("/proc")) {
          const args = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
          if (args.includes(`postgres-watchdog\0${pid}\0`)) Deno.kill(Number(name), "SIGKILL");
        }
      });
      assert.ok(isAlive(pid));
      await assertRows(dataDir, acknowledged);
      await eventually("the end of the server that was left behind", () => isAlive(pid) ? null : true);
    });
  },
});

/** Starts the server again and compares; the row whose answer was cut off may be there in addition. */
async function assertRows(dataDir: string, acknowledged: readonly number[]): Promise<void> {
  assert.ok(acknowledged.length > 20);
  const pg = await startPostgres({ dataDir, durability: "full" });
  const sql = postgres(pg.adminUrl, { max: 1 });
  try {
    const ids = (await sql`select id from ledger order by id`).map(({ id }) => id);
    assert.deepEqual(ids.slice(0, acknowledged.length), acknowledged);
    assert.ok(ids.length <= acknowledged.length + 1);
  } finally {
    await sql.end();
    await pg.stop();
  }
}

Deno.test("a second program on the same data directory is turned away and the first goes on", async () => {
  await withCluster(async ({ sql, dataDir }) => {
    await assert.rejects(
      startPostgres({ dataDir, durability: "fast" }),
      (error: Error) => error.message.includes(`in use by another program (process ${Deno.pid})`),
    );
    assert.equal((await sql`select 1 as one`)[0]!.one, 1);
  });
});

Deno.test("a port that another program holds is named in the error together with the way out", async () => {
  await withDataDir(async (dataDir) => {
    const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      await assert.rejects(
        startPostgres({ dataDir, port: holder.addr.port, durability: "fast" }),
        (error: Error) =>
          error.message.includes(`port ${holder.addr.port} on 127.0.0.1 is taken`) &&
          error.message.includes("choose another port"),
      );
    } finally {
      holder.close();
    }
  });
});

Deno.test("stop ends the server and may be called twice", async () => {
  await withDataDir(async (dataDir) => {
    const pg = await startPostgres({ dataDir, durability: "fast" });
    const pid = await postmasterPid(dataDir);
    await Promise.all([pg.stop(), pg.stop()]);
    await pg.stop();
    assert.equal(isAlive(pid), false);
  });
});

Deno.test("a cluster whose passwords were lost is not opened and not replaced", async () => {
  await withDataDir(async (dataDir) => {
    await (await startPostgres({ dataDir, durability: "fast" })).stop();
    await Deno.remove(join(dataDir, "passwords.json"));
    await assert.rejects(startPostgres({ dataDir, durability: "fast" }), /passwords\.json is missing/);
    assert.ok(await Deno.stat(join(dataDir, "cluster", "PG_VERSION")));
  });
});

Deno.test("an interrupted creation of the cluster does not hinder the next start", async () => {
  await withDataDir(async (dataDir) => {
    await Deno.mkdir(join(dataDir, "cluster.new", "base"), { recursive: true });
    const pg = await startPostgres({ dataDir, durability: "fast" });
    await pg.stop();
  });
});

Deno.test({
  name: "a root caller learns which directory is closed to the server's user and how to open it",
  ignore: !isRoot,
  async fn() {
    await withDataDir(async (closed) => {
      await Deno.chmod(closed, 0o700);
      await assert.rejects(
        startPostgres({ dataDir: join(closed, "data"), durability: "fast" }),
        (error: Error) => error.message.includes(`chmod o+x ${closed}`),
      );
    });
  },
});
