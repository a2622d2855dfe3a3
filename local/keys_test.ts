import assert from "node:assert/strict";
import { loadKeys, roleOfApiKey } from "./keys.ts";

async function withDataDir(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fillbase-keys-" });
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("keys are created once and stay the same after a restart", () =>
  withDataDir(async (dir) => {
    const first = await loadKeys(dir);
    const second = await loadKeys(dir);
    assert.deepEqual(second, first);
  }));

Deno.test("the key file is readable by its owner only and leaves no draft behind", () =>
  withDataDir(async (dir) => {
    await loadKeys(dir);
    const { mode } = await Deno.stat(`${dir}/keys.json`);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    assert.deepEqual([...Deno.readDirSync(dir)].map((entry) => entry.name), ["keys.json"]);
  }));

Deno.test("the publishable key is anon, every named secret key is service_role, anything else is nobody", () =>
  withDataDir(async (dir) => {
    const keys = await loadKeys(dir);
    assert.equal(roleOfApiKey(keys, keys.publishable), "anon");
    assert.equal(roleOfApiKey(keys, keys.secrets.default), "service_role");
    assert.equal(roleOfApiKey(keys, keys.secrets.automations), "service_role");
    assert.notEqual(keys.secrets.default, keys.secrets.automations);
    assert.equal(roleOfApiKey(keys, `${keys.secrets.default}x`), null);
    assert.equal(roleOfApiKey(keys, ""), null);
  }));

Deno.test("a damaged key file is reported with its path and is not replaced", () =>
  withDataDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/keys.json`, "{ broken");
    await assert.rejects(() => loadKeys(dir), /keys\.json cannot be read/);
    assert.equal(await Deno.readTextFile(`${dir}/keys.json`), "{ broken");
  }));
