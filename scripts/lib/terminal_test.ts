import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { colorsFor, crop, LivePanel, ProgressLine, tableLines } from "./terminal.ts";

class FakeOutput {
  text = "";
  constructor(private readonly isTty: boolean) {}
  isTerminal(): boolean {
    return this.isTty;
  }
  /** Takes three bytes at a time, as a slow terminal may. */
  writeSync(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, 3);
    this.text += new TextDecoder("latin1").decode(taken);
    return taken.length;
  }
}

Deno.test("colours only a terminal, and none where NO_COLOR is set", () => {
  equal(colorsFor(new FakeOutput(true), false).red("x"), "\x1b[31mx\x1b[39m");
  equal(colorsFor(new FakeOutput(true), true).red("x"), "x");
  equal(colorsFor(new FakeOutput(false), false).red("x"), "x");
});

Deno.test("a progress line replaces itself on a terminal and is thinned out elsewhere", () => {
  const terminal = new FakeOutput(true);
  const plain = new FakeOutput(false);
  for (const output of [terminal, plain]) {
    const line = new ProgressLine(output, 2);
    for (const text of ["one", "two", "three"]) line.show(text);
    line.clear();
  }
  equal(terminal.text, "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kthree\r\x1b[K");
  equal(plain.text, "one\nthree\n");
});

Deno.test("a panel is redrawn over itself and keeps below the lines printed meanwhile", () => {
  const output = new FakeOutput(true);
  const panel = new LivePanel(output, () => ({ columns: 10, rows: 4 }));
  panel.draw(["a", "b"]);
  output.text = "";
  panel.draw(["c", "d"]);
  ok(output.text.includes("\x1b[2A\rc\x1b[K\nd\x1b[K\n"), JSON.stringify(output.text));
  output.text = "";
  panel.print("news");
  ok(output.text.startsWith("\x1b[2A\r\x1b[Jnews\n"), JSON.stringify(output.text));
  ok(output.text.endsWith("c\x1b[K\nd\x1b[K\n\x1b[J"), JSON.stringify(output.text));
});

Deno.test("a panel never draws more than the screen holds", () => {
  const output = new FakeOutput(true);
  const panel = new LivePanel(output, () => ({ columns: 5, rows: 3 }));
  panel.draw(["1234567", "2", "3", "4"]);
  const shown = stripVTControlCharacters(output.text).split("\n");
  equal(shown.length, 3, "two lines and the end of the second");
  equal(shown[1], "2");
});

Deno.test("crop counts what is seen, not the colour codes", () => {
  equal(crop("\x1b[31mred\x1b[39m", 3), "\x1b[31mred\x1b[39m");
  equal(crop("\x1b[31mreddish\x1b[39m", 4), "red…");
});

Deno.test("a table aligns its columns whatever the colours of its cells", () => {
  const colors = colorsFor(new FakeOutput(true), true);
  const lines = tableLines([{ title: "name" }, { title: "pnl", align: "right" }], [
    ["\x1b[31mBTC\x1b[39m", "1.5"],
    ["ETHUSDT", "-10.25"],
  ], colors);
  equal(lines, ["name        pnl", "\x1b[31mBTC\x1b[39m         1.5", "ETHUSDT  -10.25"]);
});
