import { deepStrictEqual as equal, match, throws } from "node:assert/strict";
import { DEFAULT_PORT, parseOptions, UsageError } from "./options.ts";

Deno.test("without arguments it is the demo on the default port with the market that answers", () => {
  const options = parseOptions([]);
  equal(options?.port, DEFAULT_PORT);
  equal(options?.market, { kind: "auto" });
  equal([options?.hasDemo, options?.isJson, options?.speed, options?.envFile], [true, false, 1, null]);
  match(options?.dataDir ?? "", /\.fillbase\/data$/);
});

Deno.test("a replay runs faster than real time unless a speed is given", () => {
  const replay = ["--market", "replay:BTCUSDT_1m_x.csv"];
  equal(parseOptions(replay)?.speed, 60);
  equal(parseOptions([...replay, "--speed", "0.5"])?.speed, 0.5);
});

const WRONG: readonly [why: string, args: string[], words: RegExp][] = [
  ["an unknown option", ["--ports", "1"], /unknown option '--ports'.*--port/],
  ["a word too many", ["now"], /too many arguments/],
  ["an option without its value", ["--env-file"], /argument missing/],
  ["an empty path", ["--data-dir", " "], /must name a path/],
  ["a port that is no number", ["--port", "http"], /'http' is invalid.*0 to 65535/],
  ["a port out of range", ["--port", "65536"], /0 to 65535/],
  ["a negative port", ["--port", "-1"], /0 to 65535|unknown option/],
  ["a speed of 0", ["--speed", "0"], /above 0/],
  ["a negative speed", ["--speed=-2"], /above 0/],
  ["a speed that is no number", ["--speed", "NaN"], /above 0/],
  ["an endless speed", ["--speed", "Infinity"], /above 0/],
  ["an unknown market", ["--market", "nasdaq"], /"nasdaq" is not known; it is auto, binance/],
  ["a replay of nothing", ["--market", "replay:"], /needs at least one file/],
  ["a seed that is no number", ["--market", "synthetic:x"], /needs a seed/],
];

for (const [why, args, words] of WRONG) {
  Deno.test(`${why} is refused in one line that says what to do`, () => {
    throws(() => parseOptions(args), (error: unknown) => {
      if (!(error instanceof UsageError)) throw error;
      match(error.message, words);
      match(error.message, /See: deno task start --help$/);
      equal(error.message.includes("\n"), false);
      return true;
    });
  });
}
