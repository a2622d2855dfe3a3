/** How long the system takes from one command to ready: on a machine that has nothing yet, and ever after. */
import { join } from "node:path";
import { projectRoot } from "../lib/project.ts";
import { atMost, type BenchResult, measured, unmeasured } from "./result.ts";

const READY_TIMEOUT_MS = 300_000;
const POLL_MS = 20;
const STOP_TIMEOUT_MS = 20_000;
const SECOND_TARGET = atMost(6);

/**
 * Clones the last commit, starts it with empty caches of npm and Deno, ends it, and starts it again on its data. What
 * lies in the tree but is not committed is not measured.
 */
export async function measureStarts(log: (line: string) => void): Promise<BenchResult[]> {
  const obstacle = await obstacleToStarting();
  if (obstacle) {
    log(`  skipped: ${obstacle}`);
    return [unmeasured("start_first", "s"), unmeasured("start_second", "s", SECOND_TARGET)];
  }
  const home = await Deno.makeTempDir({ prefix: "fillbase-start-" });
  try {
    // As root the database runs as another user, who must be able to reach its programs in the clone.
    await Deno.chmod(home, 0o711);
    await run("git", ["clone", "--quiet", "--local", projectRoot, join(home, "clone")]);
    const first = await startOnce(home, log);
    log(`  first start: ${Math.round(first)} ms`);
    const second = await startOnce(home, log);
    return [
      measured("start_first", first / 1_000, "s"),
      measured("start_second", second / 1_000, "s", SECOND_TARGET),
    ];
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function obstacleToStarting(): Promise<string | null> {
  const listed = await run("git", ["-C", projectRoot, "ls-tree", "--name-only", "HEAD", "scripts/start.ts"])
    .catch(() => null);
  if (listed === null) return "this is not a git clone";
  if (listed.trim() === "") return "the last commit has no scripts/start.ts";
  if (await run("npx", ["--version"]).catch(() => null) === null) return "there is no npx";
  return null;
}

/** Milliseconds from the command to the content of its ready file. The process is ended again, as by Ctrl-C. */
async function startOnce(home: string, log: (line: string) => void): Promise<number> {
  const ready = join(home, `ready-${crypto.randomUUID()}`);
  // Node 20 looks for `--env-file` in the arguments of npx too, and refuses a file that is not there.
  await Deno.writeTextFile(ready, "");
  const begin = performance.now();
  const child = new Deno.Command("npx", {
    args: [
      "-y",
      `deno@${Deno.version.deno}`,
      "task",
      "start",
      "--no-demo",
      "--port",
      "0",
      "--data-dir",
      join(home, "data"),
      "--env-file",
      ready,
    ],
    cwd: join(home, "clone"),
    env: {
      DENO_DIR: join(home, "deno"),
      npm_config_cache: join(home, "npm"),
      npm_config_update_notifier: "false",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    detached: true,
  }).spawn();
  const errors = new Response(child.stderr).text();
  let ended = false;
  const exited = child.status.then((status) => {
    ended = true;
    return status;
  });
  try {
    while (!await hasContent(ready)) {
      if (ended) throw new Error(`the start ended before it was ready:\n${await errors}`);
      if (performance.now() - begin > READY_TIMEOUT_MS) {
        throw new Error(`not ready after ${READY_TIMEOUT_MS} ms`);
      }
      await delay(POLL_MS);
    }
    return performance.now() - begin;
  } finally {
    if (!ended) await endGroup(child.pid, exited, log);
  }
}

/** Interrupts the whole group, as a terminal does; kills what has not ended by itself in time. */
async function endGroup(pid: number, exited: Promise<unknown>, log: (line: string) => void): Promise<void> {
  Deno.kill(-pid, "SIGINT");
  const timer = setTimeout(() => {
    log("  the started system did not end by itself; killing it");
    Deno.kill(-pid, "SIGKILL");
  }, STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

/** The start takes an old file away before it works, so that nobody reads what is out of date. */
async function hasContent(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ size }) => size > 0, () => false);
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
