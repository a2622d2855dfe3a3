import type { Finding, Gate } from "../gate.ts";
import { projectRoot } from "../project.ts";

/** Deno's own checks as gates, over the whole project, with the settings of `deno.json`. */
export const toolGates: readonly Gate[] = [
  { name: "format", run: () => deno("fmt", "--check") },
  { name: "lint", run: () => deno("lint") },
  { name: "types", run: async () => await deno("check", ...await codeDirectories()) },
];

const CODE_DIRECTORIES = ["dashboard", "local", "scripts", "simulator", "supabase", "tests"] as const;

async function codeDirectories(): Promise<string[]> {
  const present = (await Array.fromAsync(Deno.readDir(projectRoot))).map((entry) => entry.name);
  return CODE_DIRECTORIES.filter((directory) => present.includes(directory));
}

async function deno(...args: string[]): Promise<Finding[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: projectRoot,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (success) return [];
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const lines = text.split("\n").filter((line) => !/^Check(ed)? /.test(line));
  return [{ path: `deno ${args.join(" ")}`, message: `\n${lines.join("\n").trim()}` }];
}
