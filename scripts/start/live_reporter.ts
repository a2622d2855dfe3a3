/** The screen of a run on a terminal: access on top, what happens below, redrawn in place. */
import {
  type Colors,
  LivePanel,
  ProgressLine,
  tableLines,
  type TextOutput,
  writeLine,
} from "../lib/terminal.ts";
import type { Activity } from "./activity.ts";
import type { AccountLine, DeskView, PositionLine } from "./desk_view.ts";
import type { FeedFigures } from "./price_feed.ts";
import type { ReadyInfo, Reporter } from "./reporter.ts";
import { accessLines, latencyWords } from "./words.ts";

const DECISIONS_SHOWN = 8;
const CLOSED_SHOWN = 4;

/** A decision and what became of it. */
interface DecisionLine {
  readonly at: Date;
  readonly trader: string;
  readonly symbol: string;
  readonly word: string;
  readonly confidence: string;
  outcome: string;
}

/** Draws tables of positions, accounts, decisions and closed positions. */
export class LiveReporter implements Reporter {
  readonly #output: TextOutput;
  readonly #colors: Colors;
  readonly #progress: ProgressLine;
  readonly #panel: LivePanel;
  readonly #decisions = new Map<string, DecisionLine>();
  readonly #closed: Activity[] = [];

  constructor(output: TextOutput, colors: Colors) {
    this.#output = output;
    this.#colors = colors;
    this.#progress = new ProgressLine(output, 1);
    this.#panel = new LivePanel(output);
  }

  progress(text: string): void {
    this.#panel.close();
    this.#progress.show(text);
  }

  ready(info: ReadyInfo): void {
    this.#progress.clear();
    const [title, ...lines] = accessLines(info);
    for (const line of [this.#colors.bold(title!), ...lines, ""]) writeLine(this.#output, line);
  }

  note(text: string): void {
    this.#progress.clear();
    this.#panel.print(`${clock(new Date())}  ${text}`);
  }

  activity(activity: Activity): void {
    const { kind, subjectId, code } = activity;
    if (kind === "closed") this.#keepClosed(activity);
    if (kind === "decision") this.#keepDecision(activity);
    const decision = this.#decisions.get(subjectId);
    if (decision && kind === "entered") decision.outcome = this.#colors.green("in position");
    if (decision && kind === "refused") decision.outcome = this.#colors.yellow(`refused: ${code}`);
    if (decision && kind === "ignored") decision.outcome = this.#colors.dim(`ignored: ${code}`);
  }

  desk(view: DeskView, feed: FeedFigures): void {
    const { bold, dim } = this.#colors;
    const sections: [title: string, lines: string[]][] = [
      [`Positions (${view.openCount} open)`, this.#positions(view.positions)],
      ["Paper accounts", this.#accounts(view.accounts)],
      ["Decisions", this.#decisionLines()],
      ["Closed", this.#closedLines()],
    ];
    const shown = sections.filter(([, lines]) => lines.length > 0);
    this.#panel.draw([
      ...shown.flatMap(([title, lines]) => [bold(title), ...lines.map((line) => `  ${line}`), ""]),
      dim(
        `decision to open ${latencyWords(view.latency)} · ${feed.ticks} ticks, ${feed.merged} merged, ` +
          `newest took ${feed.lastMs.toFixed(1)} ms`,
      ),
    ]);
  }

  close(): void {
    this.#progress.clear();
    this.#panel.close();
  }

  #keepDecision({ at, subjectId, trader, symbol, code, confidence }: Activity): void {
    this.#decisions.set(subjectId, {
      at,
      trader: trader ?? "-",
      symbol: symbol ?? "-",
      word: code ?? "-",
      confidence: confidence ?? "-",
      outcome: code === "enter_trade" ? this.#colors.dim("on its way") : "",
    });
    if (this.#decisions.size > DECISIONS_SHOWN) {
      this.#decisions.delete(this.#decisions.keys().next().value!);
    }
  }

  #keepClosed(activity: Activity): void {
    if (this.#closed.push(activity) > CLOSED_SHOWN) this.#closed.shift();
  }

  #positions(positions: readonly PositionLine[]): string[] {
    if (positions.length === 0) return [this.#colors.dim("none")];
    const numbers = ["quantity", "entry", "bid", "stop", "target", "PnL USDT", "PnL %", "age s"];
    const columns = [
      ...["symbol", "trader", "status"].map((title) => ({ title })),
      ...numbers.map((title) => ({ title, align: "right" as const })),
    ];
    const rows = positions.map((p) => [
      p.symbol,
      p.trader ?? "-",
      p.status,
      ...[p.quantity, p.entry, p.bid, p.stop, p.target].map((value) => value ?? "-"),
      ...[p.pnl, p.pnl_percent].map((value) => this.#signed(value)),
      `${p.age_seconds ?? "-"}`,
    ]);
    return tableLines(columns, rows, this.#colors);
  }

  #accounts(accounts: readonly AccountLine[]): string[] {
    const columns = [
      { title: "trader" },
      ...["cash USDT", "realized USDT", "trades", "won"].map((title) => ({ title, align: "right" as const })),
    ];
    const rows = accounts.map((
      a,
    ) => [a.trader, a.cash, this.#signed(a.realized), `${a.trades}`, `${a.winning}`]);
    return rows.length === 0 ? [] : tableLines(columns, rows, this.#colors);
  }

  #decisionLines(): string[] {
    const rows = [...this.#decisions.values()].reverse()
      .map((d) => [clock(d.at), d.trader, d.symbol, d.word, d.confidence, d.outcome]);
    const columns = ["time", "trader", "symbol", "decision", "confidence", "outcome"].map((title) => ({
      title,
    }));
    return rows.length === 0 ? [] : tableLines(columns, rows, this.#colors);
  }

  #closedLines(): string[] {
    const rows = [...this.#closed].reverse()
      .map((
        c,
      ) => [clock(c.at), c.trader ?? "-", c.symbol ?? "-", c.code ?? "-", this.#signed(c.realizedPnl)]);
    const columns = ["time", "trader", "symbol", "by"].map((title) => ({ title }));
    return rows.length === 0
      ? []
      : tableLines([...columns, { title: "PnL USDT", align: "right" }], rows, this.#colors);
  }

  #signed(amount: string | null): string {
    if (amount === null) return "-";
    if (!/[1-9]/.test(amount)) return amount;
    return amount.startsWith("-") ? this.#colors.red(amount) : this.#colors.green(amount);
  }
}

function clock(at: Date): string {
  return at.toLocaleTimeString("en-GB");
}
