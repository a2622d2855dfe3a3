/** The documented deployment as far as it goes without a project: the pinned CLI against a stand-in for Supabase's Management API. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runSupabaseCli } from "../../scripts/lib/supabase_cli.ts";
import { makeFastTempDir } from "../harness/temp_dir.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const REF = "abcdefghijklmnopqrst";
/** Of the form that the CLI asks for, and nobody's. */
const TOKEN = `sbp_${"0".repeat(40)}`;

interface Uploaded {
  readonly slug: string;
  readonly entrypoint_path: string;
  readonly verify_jwt: boolean;
  readonly files: readonly string[];
}

/** Takes every upload for deployed; nothing else is there. */
function managementApi() {
  const uploads: Uploaded[] = [];
  const changes: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const slug = searchParams.get("slug");
    if (slug === null || pathname !== `/v1/projects/${REF}/functions/deploy`) {
      // Now and then the CLI asks after the project itself.
      if (request.method !== "GET") changes.push(`${request.method} ${pathname}`);
      return Response.json(request.method === "GET" && pathname.endsWith("/functions") ? [] : {});
    }
    const form = await request.formData();
    const { entrypoint_path, verify_jwt } = JSON.parse(form.get("metadata") as string);
    const files = form.getAll("file").map((file) => (file as File).name);
    uploads.push({ slug, entrypoint_path, verify_jwt, files });
    return Response.json({
      ...{ id: slug, slug, name: slug, status: "ACTIVE", version: 1 },
      entrypoint_path,
      verify_jwt,
    }, {
      status: 201,
    });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { uploads, changes, url, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("the CLI deploys each bundle as one file, with the JWT check that its function asks for", async () => {
  // What an earlier version left there is not deployed with the rest.
  await Deno.mkdir(`${ROOT}.fillbase/bundles/supabase/functions/bygone`, { recursive: true });
  await Deno.writeTextFile(`${ROOT}.fillbase/bundles/supabase/functions/bygone/index.ts`, "");
  const bundled = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", `${ROOT}scripts/bundle.ts`] })
    .output();
  assert.ok(bundled.success);
  await using api = managementApi();
  const directory = await makeFastTempDir("fillbase-deploy-");
  Deno.env.set("SUPABASE_ACCESS_TOKEN", TOKEN);
  try {
    const profile = `${directory}/profile.yaml`;
    const addresses = ["api_url", "dashboard_url"].map((name) => `${name}: ${api.url}\n`).join("");
    await Deno.writeTextFile(profile, `name: stand-in\n${addresses}project_host: localhost\n`);
    const where = ["--workdir", `${ROOT}.fillbase/bundles`, "--project-ref", REF, "--profile", profile];
    await runSupabaseCli(["functions", "deploy", "--use-api", ...where]);
  } finally {
    Deno.env.delete("SUPABASE_ACCESS_TOKEN");
    await Deno.remove(directory, { recursive: true });
  }
  const path = (slug: string) => `supabase/functions/${slug}/index.js`;
  const expected = Object.entries({ "execute-trade": false, "refresh-market": false, "stop-all": true })
    .map(([slug, verify_jwt]) => ({ slug, entrypoint_path: path(slug), verify_jwt, files: [path(slug)] }));
  assert.deepEqual(api.uploads.toSorted((a, b) => a.slug < b.slug ? -1 : 1), expected);
  assert.deepEqual(api.changes, [`PUT /v1/projects/${REF}/functions`]);
});
