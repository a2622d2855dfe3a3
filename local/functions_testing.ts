/** A functions host on a writable copy of the fixtures, for tests. */
import { type FunctionsHost, type FunctionsHostOptions, startFunctionsHost } from "./functions_host.ts";
import { loadKeys } from "./keys.ts";
import { withDataDir } from "./testing.ts";
import { createTokenService, type TokenService } from "./tokens.ts";

export const FIXTURES = new URL("./fixtures/", import.meta.url).pathname;

export interface TestHost {
  readonly host: FunctionsHost;
  readonly tokens: TokenService;
  readonly publishable: string;
  /** The writable copy of the fixtures that is being served. */
  readonly dir: string;
  readonly logs: string[];
  /** Sends a request for `/functions/v1/<path>` to the host. */
  call(path: string, init?: RequestInit): Promise<Response>;
}

/** Runs the body with a host that is stopped, and its files removed, afterwards. */
export async function withHost(
  body: (test: TestHost) => Promise<void>,
  options: Partial<FunctionsHostOptions> = {},
): Promise<void> {
  await withDataDir(async (dir) => {
    await copyTree(FIXTURES, dir);
    const keys = await loadKeys(dir);
    const url = "http://127.0.0.1:54321";
    const tokens = await createTokenService({
      signingKey: keys.signingKey,
      innerSecret: crypto.randomUUID() + crypto.randomUUID(),
      issuer: `${url}/auth/v1`,
    });
    const logs: string[] = [];
    const host = await startFunctionsHost({
      functionsDir: `${dir}/functions`,
      bundlesDir: `${dir}/bundles`,
      url,
      postgres: { url: "postgres://postgres@127.0.0.1:1/postgres" },
      keys,
      tokens,
      log: (line) => void logs.push(line),
      ...options,
    });
    const call = (path: string, init?: RequestInit) =>
      host.handle(new Request(`${url}/functions/v1/${path}`, init));
    try {
      await body({ host, tokens, publishable: keys.publishable, dir, logs, call });
    } finally {
      await host.stop();
    }
  });
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyTree(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
  }
}

/** Status, `sb-error-code` header and body's code of a refusal. */
export async function refusalOf(response: Response): Promise<[number, string | null, string]> {
  const { code } = await response.json() as { code: string };
  return [response.status, response.headers.get("sb-error-code"), code];
}
