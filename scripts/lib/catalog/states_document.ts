import type postgres from "postgres";
import { GENERATED_NOTICE } from "./schemas.ts";

interface Transition {
  /** Empty: a row may be born in `to_status`. */
  readonly from_status: string;
  readonly to_status: string;
  readonly note: string;
}

/** The tables that say what may become of a thing; a trigger enforces them for every writer. */
const MACHINES = [
  { table: "trading.position_transitions", title: "Positions" },
  { table: "trading.order_transitions", title: "Orders" },
] as const;

/** `docs/states.md`: a diagram and a table for each state machine, as the database has it. */
export async function generateStatesDocument(sql: postgres.Sql): Promise<string> {
  const parts = [`<!-- ${GENERATED_NOTICE} -->`, "# States"];
  for (const { table, title } of MACHINES) {
    const transitions = await readTransitions(sql, table);
    parts.push(`## ${title}`, `The rows of \`${table}\`. A change that is not among them is refused.`);
    parts.push(diagram(transitions), tableOf(transitions));
  }
  return parts.join("\n\n") + "\n";
}

async function readTransitions(sql: postgres.Sql, table: string): Promise<Transition[]> {
  return await sql<Transition[]>`
    select from_status::text, to_status::text, note from ${sql(table)}
     order by from_status::text collate "C", to_status::text collate "C"`;
}

/** A state that leads nowhere is an end. */
function diagram(transitions: readonly Transition[]): string {
  const sources = new Set(transitions.map((one) => one.from_status));
  const ends = new Set(transitions.map((one) => one.to_status).filter((state) => !sources.has(state)));
  const lines = [
    ...transitions.map(({ from_status, to_status }) => `${from_status || "[*]"} --> ${to_status}`),
    ...[...ends].map((state) => `${state} --> [*]`),
  ];
  return ["```mermaid", "stateDiagram-v2", ...lines.map((line) => `  ${line}`), "```"].join("\n");
}

function tableOf(transitions: readonly Transition[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  return [
    "| from | to | when |",
    "| --- | --- | --- |",
    ...transitions.map((one) =>
      `| ${cell(one.from_status || "(new)")} | ${cell(one.to_status)} | ${cell(one.note)} |`
    ),
  ].join("\n");
}
