/** One file of each Edge Function, as it is deployed: what it does not use of its packages is not in it. */
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type * as esbuild from "esbuild";

/** Where functions are, relative to the project. */
export const FUNCTIONS_DIR = "supabase/functions";

/**
 * Parts of CCXT for other exchanges and for streams, which its base class imports for all of them. Asked for, they are
 * empty; whoever would use them fails at once.
 */
const LEFT_OUT =
  /^(ws|undici|protobufjs(\/.*)?)$|\/(protobuf|static_dependencies\/(zklink|dydx-v4-client))\//;
const LEFT_OUT_NAMESPACE = "left-out";

/** The largest bundle that may be deployed; the platform refuses a few times as much. */
export const MAX_GZIP_BYTES = 1_000_000;

const PROJECT_ROOT = fileURLToPath(new URL("../", import.meta.url));
/** What decides how a bundle is made, besides the sources that are in it. */
const RECIPE = [fileURLToPath(import.meta.url), `${PROJECT_ROOT}deno.json`, `${PROJECT_ROOT}deno.lock`];

/** A module without imports but those of the runtime. */
export interface Bundle {
  readonly code: string;
  /** Source map from the code to the sources, whose paths are relative to the bundle's directory. */
  readonly map: string;
  /** Absolute paths of every file that it is made of. */
  readonly inputs: readonly string[];
}

/** How many bundles are being made; esbuild's process runs only meanwhile. */
let running = 0;

/** Names of all functions, sorted. */
export async function functionSlugs(): Promise<string[]> {
  const slugs: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(PROJECT_ROOT, FUNCTIONS_DIR))) {
    if (isDirectory && !name.startsWith("_")) slugs.push(name);
  }
  return slugs.sort();
}

/** Bundles one function of this project. Throws with esbuild's words. */
export async function bundleFunction(slug: string): Promise<string> {
  return (await bundleModule(join(FUNCTIONS_DIR, slug, "index.ts"))).code;
}

/**
 * Bundles any module, also one outside of the project: packages are this project's. `entry` is relative to the project;
 * `outfile` is where the bundle will be, which its map needs to know. Nothing is written. Throws with esbuild's words.
 */
export async function bundleModule(entry: string, outfile = `${PROJECT_ROOT}bundle.js`): Promise<Bundle> {
  running++;
  // Loaded when it is needed: a local stack whose bundles are up to date starts without it.
  const esbuild = await import("esbuild");
  try {
    const { outputFiles, metafile } = await esbuild.build({ ...OPTIONS, ...await paths(entry, outfile) });
    const [map, code] = outputFiles;
    return { code: code!.text, map: map!.text, inputs: [...inputsOf(metafile), ...RECIPE] };
  } finally {
    running--;
    if (running === 0) await esbuild.stop();
  }
}

const OPTIONS = {
  absWorkingDir: PROJECT_ROOT,
  nodePaths: [`${PROJECT_ROOT}node_modules`],
  bundle: true,
  write: false,
  metafile: true,
  sourcemap: "external",
  sourcesContent: false,
  format: "esm",
  platform: "neutral",
  target: "es2023",
  mainFields: ["module", "main"],
  conditions: ["deno", "node", "import"],
  legalComments: "none",
  minifyWhitespace: true,
  logLevel: "silent",
} as const satisfies esbuild.BuildOptions;

async function paths(entry: string, outfile: string) {
  return { entryPoints: [entry], outfile, alias: await importedPaths(), plugins: [builtins, leftOut] };
}

/** esbuild names files relative to the project, and those of a plugin by the plugin's namespace. */
function inputsOf({ inputs }: esbuild.Metafile): string[] {
  return Object.keys(inputs)
    .filter((path) => !path.startsWith(`${LEFT_OUT_NAMESPACE}:`))
    .map((path) => resolve(PROJECT_ROOT, path));
}

/** How many bytes travel and are stored. */
export async function gzipBytes(code: string): Promise<number> {
  const stream = new Blob([code]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

/** What the project's import map sends to a path instead of a package. */
async function importedPaths(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(PROJECT_ROOT, "deno.json")));
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
      ({ path, importer }) =>
        importer.includes("/ccxt/") ? { path, namespace: LEFT_OUT_NAMESPACE } : undefined,
    );
    build.onLoad(
      { filter: /.*/, namespace: LEFT_OUT_NAMESPACE },
      () => ({ contents: "module.exports = {};", loader: "js" }),
    );
  },
};
