import type { TestCluster } from "../../../tests/harness/cluster.ts";
import { cloneTemplate } from "../../../tests/harness/database.ts";
import type { Finding, Gate } from "../gate.ts";
import { findDrift, generateFiles, readPresent } from "../generate.ts";
import { readProjectFiles, type SourceFile } from "../project.ts";
import { adviseDatabase } from "../supabase_cli.ts";
import { checkAdvice } from "./advisors.ts";
import { checkAlerts } from "./alert_table.ts";
import { checkCode } from "./code_rules.ts";
import { checkCodes } from "./code_tables.ts";
import { checkWords } from "./forbidden_words.ts";
import { checkImports } from "./import_rules.ts";
import { checkMigrations } from "./migration_headers.ts";
import { checkSizes } from "./size_limits.ts";
import { toolGates } from "./tools.ts";

const FILE_CHECKS: Readonly<Record<string, (files: readonly SourceFile[]) => Finding[]>> = {
  imports: checkImports,
  code: checkCode,
  words: checkWords,
  sizes: checkSizes,
  migrations: checkMigrations,
  alerts: checkAlerts,
  codes: checkCodes,
};

/** All gates of the project. Those that need a migrated database clone it from `cluster`, which is asked late. */
export function projectGates(cluster: () => Promise<TestCluster>): Gate[] {
  let files: Promise<SourceFile[]> | null = null;
  const readFiles = () => files ??= readProjectFiles();
  const onDatabase = (name: string, check: (url: string) => Promise<Finding[]>): Gate => ({
    name,
    run: async () => {
      await using database = await cloneTemplate(await cluster(), name);
      return await check(database.url);
    },
  });
  return [
    ...Object.entries(FILE_CHECKS).map(([name, check]): Gate => ({
      name,
      run: async () => check(await readFiles()),
    })),
    ...toolGates,
    onDatabase("generated", async (url) => {
      const generated = await generateFiles(url);
      return findDrift(generated, await readPresent(generated.map(({ path }) => path)));
    }),
    onDatabase("advisors", async (url) => checkAdvice(await adviseDatabase(url))),
  ];
}
