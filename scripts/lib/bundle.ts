/** One file of each Edge Function, as it is deployed: what it does not use of its packages is not in it. */
import { isBuiltin } from "node:module";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { projectRoot } from "./project.ts";

/** Where functions are, relative to the project. */
export const FUNCTIONS_DIR = "supabase/functions";

/**
 * Parts of CCXT for other exchanges and for streams, which its base class imports for all of them. Asked for, they are
 * empty; whoever would use them fails at once.
 */
const LEFT_OUT =
  /^(ws|undici|protobufjs(\/.*)?)$|\/(protobuf|static_dependencies\/(zklink|dydx-v4-client))\//;

/** The largest bundle that may be deployed; the platform refuses a few times as much. */
export const MAX_GZIP_BYTES = 1_000_000;

/** Names of all functions, sorted. */
export async function functionSlugs(): Promise<string[]> {
  const slugs: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(projectRoot, FUNCTIONS_DIR))) {
    if (isDirectory && !name.startsWith("_")) slugs.push(name);
  }
  return slugs.sort();
}

/** Bundles one function: a module without imports but those of the runtime. Throws with esbuild's words. */
export function bundleFunction(slug: string): Promise<string> {
  return bundleModule(join(FUNCTIONS_DIR, slug, "index.ts"));
}

/** Bundles any module; `entry` is relative to the project. */
export async function bundleModule(entry: string): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: ["deno", "node", "import"],
    legalComments: "none",
    minifyWhitespace: true,
    alias: await importedPaths(),
    plugins: [builtins, leftOut],
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

/** How many bytes travel and are stored. */
export async function gzipBytes(code: string): Promise<number> {
  const stream = new Blob([code]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

/** Ends esbuild's process; it begins again with the next bundle. */
export async function endBundling(): Promise<void> {
  await esbuild.stop();
}

/** What the project's import map sends to a path instead of a package. */
async function importedPaths(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(projectRoot, "deno.json")));
  return Object.fromEntries(
    Object.entries(imports as Record<string, string>).filter(([, to]) => to.startsWith("./")),
  );
}

/** The runtime's own modules, by the name that it knows them by outside of packages. */
const builtins: esbuild.Plugin = {
  name: "builtins",
  setup: (build) => {
    build.onResolve({ filter: /^[a-z_:/]+$/ }, ({ path }) => {
      if (!isBuiltin(path)) return undefined;
      return { path: path.startsWith("node:") ? path : `node:${path}`, external: true };
    });
  },
};

const leftOut: esbuild.Plugin = {
  name: "left-out",
  setup: (build) => {
    build.onResolve(
      { filter: LEFT_OUT },
      ({ path, importer }) => importer.includes("/ccxt/") ? { path, namespace: "left-out" } : undefined,
    );
    build.onLoad(
      { filter: /.*/, namespace: "left-out" },
      () => ({ contents: "module.exports = {};", loader: "js" }),
    );
  },
};
