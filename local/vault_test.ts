import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestCluster, withCluster } from "./testing.ts";

const PLAINTEXT = "correct-horse-battery-staple";

async function createSecret(
  { sql }: TestCluster,
  secret: string,
  name: string | null = null,
): Promise<string> {
  const [row] = await sql`select vault.create_secret(${secret}, ${name}) as id`;
  return row!.id;
}

async function decrypted({ sql }: TestCluster, id: string): Promise<string> {
  const [row] = await sql`select decrypted_secret from vault.decrypted_secrets where id = ${id}`;
  return row!.decrypted_secret;
}

/** True when a file below the directory contains the text. */
async function isOnDisk(directory: string, text: string): Promise<boolean> {
  const needle = new TextEncoder().encode(text).join();
  for await (const entry of Deno.readDir(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory && await isOnDisk(path, text)) return true;
    if (entry.isFile && (await Deno.readFile(path)).join().includes(needle)) return true;
  }
  return false;
}

Deno.test("vault", async (t) => {
  await withCluster(async (cluster) => {
    const { sql, admin, dataDir } = cluster;

    await t.step("a secret comes back as it was, also empty or not ASCII", async () => {
      for (const secret of [PLAINTEXT, "", "Ωmega 🜚", "x".repeat(10_000)]) {
        assert.equal(await decrypted(cluster, await createSecret(cluster, secret)), secret);
      }
    });

    await t.step("the plaintext is in no table, no heap file and no WAL segment", async () => {
      const probe = `${PLAINTEXT}-${crypto.randomUUID()}`;
      const id = await createSecret(cluster, probe);
      const [row] = await admin`select secret from vault.secrets where id = ${id}`;
      assert.ok(!row!.secret.includes(probe) && !atob(row!.secret).includes(probe));
      await admin`checkpoint`;
      for (const part of ["base", "pg_wal"]) {
        assert.equal(await isOnDisk(join(dataDir, "cluster", part), probe), false, part);
      }
    });

    await t.step("the disk search would find a plaintext that is there", async () => {
      const probe = crypto.randomUUID();
      await admin`create table plain as select ${probe}::text as secret`;
      assert.equal(await isOnDisk(join(dataDir, "cluster", "pg_wal"), probe), true);
    });

    await t.step(
      "a duplicate name is refused by the unique index, and any number may be without name",
      async () => {
        await createSecret(cluster, "one", "exchange");
        await assert.rejects(createSecret(cluster, "two", "exchange"), {
          code: "23505",
          constraint_name: "secrets_name_idx",
        });
        await createSecret(cluster, "three");
        await createSecret(cluster, "four");
      },
    );

    await t.step("a null secret violates the not-null constraint", async () => {
      await assert.rejects(sql`select vault.create_secret(null)`.execute(), { code: "23502" });
    });

    await t.step(
      "an update replaces the secret, keeps name and nonce and clears the description on demand",
      async () => {
        const [{ id }] = await sql`select vault.create_secret('old', 'rotated', 'why') as id` as [
          { id: string },
        ];
        const [before] = await sql`select nonce, updated_at from vault.secrets where id = ${id}`;
        await sql`select vault.update_secret(${id}, 'new', null, '')`;
        const [after] =
          await sql`select name, description, nonce, updated_at from vault.secrets where id = ${id}`;
        assert.equal(await decrypted(cluster, id), "new");
        assert.deepEqual([after!.name, after!.description, after!.nonce], ["rotated", "", before!.nonce]);
        assert.ok(after!.updated_at > before!.updated_at);
      },
    );

    await t.step("an update of an unknown id does nothing and says nothing", async () => {
      await sql`select vault.update_secret(gen_random_uuid(), 'new')`;
    });

    await t.step("a secret of a rolled-back transaction is gone", async () => {
      const rollback = new Error("rollback");
      await sql.begin(async (tx) => {
        await tx`select vault.create_secret('gone', 'gone')`;
        throw rollback;
      }).catch((error) => assert.equal(error, rollback));
      const rows = await sql`select from vault.secrets where name = 'gone'`;
      assert.equal(rows.length, 0);
    });

    await t.step("a ciphertext that was altered or moved to another row does not decrypt", async () => {
      const [one, two] = [await createSecret(cluster, "first"), await createSecret(cluster, "second")];
      await admin`
        update vault.secrets a set secret = b.secret, nonce = b.nonce
        from vault.secrets b where a.id = ${one} and b.id = ${two}`;
      await assert.rejects(decrypted(cluster, one), { code: "22000", message: "invalid ciphertext" });
      await admin`
        update vault.secrets
        set secret = encode(set_byte(decode(secret, 'base64'), 3, 255 - get_byte(decode(secret, 'base64'), 3)), 'base64')
        where id = ${two}`;
      await assert.rejects(decrypted(cluster, two));
      await admin`delete from vault.secrets where id in (${one}, ${two})`;
    });

    await t.step("one raw row written past the functions poisons every read of the view", async () => {
      await admin`insert into vault.secrets (name, secret) values ('raw', '!not base64!')`;
      await assert.rejects(sql`select decrypted_secret from vault.decrypted_secrets`.execute(), {
        code: "22023",
      });
      await admin`delete from vault.secrets where name = 'raw'`;
    });

    await t.step("anon, authenticated and authenticator cannot enter the schema", async () => {
      for (const role of ["anon", "authenticated", "authenticator"]) {
        for (
          const statement of [
            "select * from vault.decrypted_secrets",
            "select * from vault.secrets",
            "select vault.create_secret('x')",
          ]
        ) {
          const attempt = sql.begin((tx) => [tx.unsafe(`set local role ${role}`), tx.unsafe(statement)]);
          await assert.rejects(attempt, { code: "42501", message: "permission denied for schema vault" });
        }
      }
    });

    await t.step("service_role creates, reads and deletes, and cannot write past the functions", async () => {
      const asService = (statement: string) =>
        sql.begin(async (tx) => {
          await tx`set local role service_role`;
          return await tx.unsafe(statement);
        });
      await asService("select vault.create_secret('served', 'served')");
      const [row] = await asService(
        "select decrypted_secret from vault.decrypted_secrets where name = 'served'",
      );
      assert.equal(row!.decrypted_secret, "served");
      await assert.rejects(asService("update vault.secrets set description = 'x'"), { code: "42501" });
      await assert.rejects(asService("insert into vault.secrets (secret) values ('x')"), { code: "42501" });
      assert.equal((await asService("delete from vault.secrets where name = 'served'")).count, 1);
    });

    await t.step("postgres cannot reach the root key by any function, setting or file", async () => {
      const key = await Deno.readTextFile(join(dataDir, "vault.key"));
      for (
        const statement of [
          "select vault._root_key()",
          "select vault._derived_key('encrypt', 0, 'pgsodium')",
          "select pg_read_file('../vault.key')",
          "select pg_read_binary_file('../vault.key')",
          "copy (select 1) to program 'cat'",
        ]
      ) {
        await assert.rejects(sql.unsafe(statement), { code: "42501" }, statement);
      }
      const settings = await sql`select setting, boot_val, reset_val from pg_settings`;
      assert.ok(!JSON.stringify(settings).includes(key));
    });
  });
});
