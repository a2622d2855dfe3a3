/** `deno task start` as a child process, for tests. */
import { z } from "zod";
import { projectRoot } from "../../scripts/lib/project.ts";
import { TextLineStream } from "../../local/text_lines.ts";

const READY_MS = 40_000;
const GONE_MS = 15_000;
const POLL_MS = 50;
const readyEvent = z.object({ event: z.literal("ready"), ready_ms: z.number() });

/** A start that is up. Disposing of it kills it, for tests that fail half way. */
export class Start implements AsyncDisposable {
  private constructor(
    private readonly child: Deno.ChildProcess,
    /** What the env file says. */
    readonly env: Record<string, string>,
    /** By its own measurement (ms). */
    readonly readyMs: number,
    /** What it has said so far on both of its outputs, a line each. */
    readonly said: readonly string[],
  ) {}

  get pid(): number {
    return this.child.pid;
  }

  /** Starts it with `--json` among the arguments and waits until it is ready; its words are in the error otherwise. */
  static async launch(args: readonly string[], envFile: string): Promise<Start> {
    const child = command(args).spawn();
    const ready = Promise.withResolvers<number>();
    const said: string[] = [];
    const timer = setTimeout(
      () => ready.reject(new Error(`not ready in time:\n${said.join("\n")}`)),
      READY_MS,
    );
    void eachLine(child.stdout, (line) => {
      said.push(line);
      const event = readyEvent.safeParse(JSON.parse(line));
      if (event.success) ready.resolve(event.data.ready_ms);
    }).then(() => ready.reject(new Error(`ended before it was ready:\n${said.join("\n")}`)));
    void eachLine(child.stderr, (line) => said.push(line));
    try {
      const readyMs = await ready.promise;
      return new Start(child, parseEnv(await Deno.readTextFile(envFile)), readyMs, said);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs it to its end, for arguments that it refuses. */
  static async refused(args: readonly string[]): Promise<{ code: number; stderr: string }> {
    const { code, stderr } = await command(args).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = isAlive(this.pid) ? await processTree(this.pid) : [];
    if (tree.length > 0) await this.end("SIGKILL");
    await untilGone(tree);
  }

  /** Sends the signal and waits for the end; the exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    this.child.kill(signal);
    return (await this.child.status).code;
  }
}

/** A process and all that descend from it now, by pid. */
export async function processTree(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,ppid="] }).output();
  const pairs = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    line.trim().split(/\s+/).map(Number)
  );
  const tree = [pid];
  for (const parent of tree) {
    tree.push(...pairs.filter(([, ppid]) => ppid === parent).map(([child]) => child!));
  }
  return tree;
}

/** Waits until none of the processes is left. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  await eventually(GONE_MS, () => Promise.resolve(pids.every((pid) => !isAlive(pid))));
}

/** Asks until the answer is yes; rejects after the deadline (ms). An error is a no: the server may be restarting. */
export async function eventually(deadlineMs: number, ask: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + deadlineMs;
  let last: unknown = "no";
  while (Date.now() < until) {
    try {
      if (await ask()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`not within ${deadlineMs} ms: ${last}`);
}

function command(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/start.ts", ...args],
    cwd: projectRoot,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function eachLine(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    onLine(line);
  }
}

function parseEnv(text: string): Record<string, string> {
  return Object.fromEntries(
    text.trimEnd().split("\n").map((line) => [line.split("=", 1)[0]!, line.slice(line.indexOf("=") + 1)]),
  );
}

/** A process that ended and was not waited for yet is gone for us. */
function isAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}
