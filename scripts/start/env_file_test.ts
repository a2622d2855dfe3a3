import { deepStrictEqual as equal, match, ok, rejects } from "node:assert/strict";
import { EnvFile, type Environment } from "./env_file.ts";
import { UsageError } from "./options.ts";

const ENVIRONMENT: Environment = {
  SUPABASE_URL: "http://127.0.0.1:1",
  SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
  SUPABASE_SECRET_KEY: "sb_secret_x",
  SUPABASE_DB_URL: "postgres://postgres:x@127.0.0.1:2/postgres",
  METRICS_KEY: "m",
  DEMO_EMAIL: "",
  DEMO_PASSWORD: "",
};

async function inTempDir(check: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fillbase-env-" });
  try {
    await check(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function listDir(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
}

Deno.test("the file appears whole, readable by its owner alone, and leaves nothing behind", () =>
  inTempDir(async (dir) => {
    const path = `${dir}/env`;
    const file = await EnvFile.claim(path);
    await file.write(ENVIRONMENT);
    equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
    equal(lines, Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`));
    equal(await listDir(dir), ["env"]);
    await file.remove();
    equal(await listDir(dir), []);
  }));

Deno.test("a file that an earlier run left is taken away before the stack is there", () =>
  inTempDir(async (dir) => {
    const path = `${dir}/env`;
    await (await EnvFile.claim(path)).write(ENVIRONMENT);
    await EnvFile.claim(path);
    ok(!(await listDir(dir)).includes("env"));
  }));

Deno.test("an empty file is replaced, somebody else's file is not touched", () =>
  inTempDir(async (dir) => {
    const path = `${dir}/env`;
    await Deno.writeTextFile(path, "");
    await EnvFile.claim(path);
    await Deno.writeTextFile(path, "SUPABASE_URL=https://mine\nOPENAI_KEY=precious\n");
    await rejects(EnvFile.claim(path), UsageError);
    match(await Deno.readTextFile(path), /precious/);
  }));

Deno.test("a device or a folder is no place for the file", () =>
  inTempDir(async (dir) => {
    await rejects(EnvFile.claim("/dev/null"), UsageError);
    ok((await Deno.stat("/dev/null")).isCharDevice);
    await rejects(EnvFile.claim(dir), UsageError);
  }));

Deno.test("a folder that does not exist is said in plain words", () =>
  inTempDir(async (dir) => {
    await rejects(EnvFile.claim(`${dir}/no/env`), /its folder does not exist.*Name a file/);
  }));
