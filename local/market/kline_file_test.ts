import assert from "node:assert/strict";
import type { Candle } from "../../supabase/functions/_shared/domain/market/types.ts";
import { MarketFileError } from "./csv_file.ts";
import { readKlines, surveyKlines } from "./kline_file.ts";
import { collect, withDirectory, writeLines } from "./testing.ts";

const HEADER = "open_time,open,high,low,close,volume";
const FIRST = "1621425600000,100,110,90,105.50,1.25";
const SECOND = "1621425660000,105.5,106,104.125,105,2";

/** Reads lines as a kline file of BTCUSDT. */
async function read(lines: readonly string[], name = "k.csv"): Promise<Candle[]> {
  return await withDirectory(async (directory) => {
    const path = await writeLines(directory, name, lines);
    return await collect(readKlines({ path, symbol: "BTCUSDT" }));
  });
}

for (const name of ["k.csv", "k.csv.gz"]) {
  Deno.test(`candles are read from ${name} in order with canonical numbers`, async () => {
    const [first, second] = await read([HEADER, FIRST, SECOND], name);
    assert.deepEqual(first, {
      symbol: "BTCUSDT",
      interval: "1m",
      openTime: 1621425600000,
      open: "100",
      high: "110",
      low: "90",
      close: "105.5",
      volume: "1.25",
    });
    assert.equal(second!.openTime, 1621425660000);
  });
}

Deno.test("columns may come in any order among others", async () => {
  const [candle] = await read([
    "low,x,close,high,open,volume,open_time",
    "90,?,105.5,110,100,1,1621425600000",
  ]);
  assert.deepEqual([candle!.open, candle!.high, candle!.low, candle!.close], ["100", "110", "90", "105.5"]);
});

Deno.test("archive files without header are read, also with times in microseconds", async () => {
  const millis = await read([`${FIRST},1621425659999,1,2,3,4,0`]);
  const micros = await read(["1735689600000000,100,110,90,105.5,1.25,1735689659999999,1,2,3,4,0"]);
  assert.equal(millis[0]!.openTime, 1621425600000);
  assert.equal(micros[0]!.openTime, 1735689600000);
});

const faults: readonly [name: string, lines: readonly string[], line: number, message: RegExp][] = [
  ["a low above the high", [HEADER, FIRST, "1621425660000,100,90,110,100,1"], 3, /low 110 is above high 90/],
  [
    "a close outside the range",
    [HEADER, "1621425600000,100,110,90,111,1"],
    2,
    /close 111 is outside low 90 to high 110/,
  ],
  ["rows out of order", [HEADER, SECOND, FIRST], 3, /does not come after 1621425660000/],
  ["a repeated minute", [HEADER, FIRST, FIRST], 3, /does not come after/],
  ["a missing column", [HEADER, "1621425600000,100,110,90,105"], 2, /has 5 columns, volume is missing/],
  ["a header without close", ["open_time,open,high,low,volume", FIRST], 1, /the header lacks close/],
  ["a word for a price", [HEADER, "1621425600000,100,abc,90,105,1"], 2, /high is "abc", not a decimal/],
  ["a price of zero", [HEADER, "1621425600000,0,110,0,105,1"], 2, /low is 0, a price must be above zero/],
  ["a negative volume", [HEADER, "1621425600000,100,110,90,105,-1"], 2, /volume is "-1"/],
  [
    "a time within a minute",
    [HEADER, "1621425600001,100,110,90,105,1"],
    2,
    /not the first millisecond of a minute/,
  ],
  ["an unclosed quote", [HEADER, '1621425600000,"100,110,90,105,1'], 2, /cannot be read as CSV/],
  ["no candle", [HEADER], 0, /has no candles/],
];

for (const [name, lines, line, message] of faults) {
  Deno.test(`${name} is an error that names file and line`, async () => {
    await assert.rejects(read(lines), (error: unknown) => {
      assert.ok(error instanceof MarketFileError, String(error));
      assert.match(error.message, message);
      assert.match(error.file, /k\.csv$/);
      if (name !== "an unclosed quote") assert.equal(error.line, line);
      return true;
    });
  });
}

Deno.test("a file that does not exist is an error that names it", async () => {
  await assert.rejects(
    surveyKlines({ path: "no/such.csv", symbol: "BTCUSDT" }),
    /no\/such\.csv: no such file/,
  );
});

Deno.test("a gzip file that is cut short or is none is an error that names it", async () => {
  await withDirectory(async (directory) => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `${1621425600000 + i * 60_000},1,2,1,2,${i}.125`);
    const whole = await writeLines(directory, "whole.csv.gz", lines);
    const cut = `${directory}/cut.csv.gz`;
    await Deno.writeFile(cut, (await Deno.readFile(whole)).slice(0, 5_000));
    await assert.rejects(
      surveyKlines({ path: cut, symbol: "BTCUSDT" }),
      /cut\.csv\.gz.*not a whole gzip file/,
    );
    const plain = `${directory}/plain.csv.gz`;
    await Deno.writeTextFile(plain, lines.join("\n"));
    await assert.rejects(
      surveyKlines({ path: plain, symbol: "BTCUSDT" }),
      /plain\.csv\.gz.*not a whole gzip file/,
    );
  });
});

/** How many descriptors of this process are open on a file. Linux only. */
function openDescriptors(path: string): number {
  const links = [...Deno.readDirSync("/proc/self/fd")].map((entry) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${entry.name}`);
    } catch {
      return "";
    }
  });
  return links.filter((link) => link === path).length;
}

Deno.test(
  { name: "a reader that stops early closes the file", ignore: Deno.build.os !== "linux" },
  async () => {
    await withDirectory(async (directory) => {
      const lines = Array.from({ length: 50_000 }, (_, i) => `${1621425600000 + i * 60_000},1,2,1,2,1`);
      const path = await Deno.realPath(await writeLines(directory, "k.csv", lines));
      for await (const _ of readKlines({ path, symbol: "BTCUSDT" })) {
        assert.ok(openDescriptors(path) > 0);
        break;
      }
      const deadline = performance.now() + 5_000;
      while (openDescriptors(path) > 0) {
        assert.ok(performance.now() < deadline, "the file is still open after 5 s");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  },
);

Deno.test("a survey knows count, span and the finest decimals", async () => {
  await withDirectory(async (directory) => {
    const path = await writeLines(directory, "k.csv", [HEADER, FIRST, SECOND]);
    const file = { path, symbol: "BTCUSDT" };
    assert.deepEqual(await surveyKlines(file), {
      file,
      count: 2,
      firstAt: 1621425600000,
      lastAt: 1621425660000,
      priceDecimals: 3,
      quantityDecimals: 2,
    });
  });
});
