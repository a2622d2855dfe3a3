import assert from "node:assert/strict";
import { renderReport, type RunReport } from "./report.ts";

const REPORT: RunReport = {
  environment: "demo",
  symbol: "BTCUSDT",
  order_count: 4,
  latency_ms: { average: 305, max: 513, asked_average: 500 },
  books: { ledger_imbalance: 0 },
  compared: { orders: 4, fills: 2, assets: 3, differences: [] },
  troubles: [],
  trades: [{
    name: "market buy, hand close",
    signal: "8d5239b0-8b1f-49b6-9414-e17c94d21cfd",
    decided_at: "2026-03-02T12:00:00.000Z",
    decision: "enter_trade BTCUSDT, entry 60000, stop 58200, targets 63000, confidence 80",
    verdict: "passed",
    rule_count: 41,
    orders: ["entry LIMIT BUY 0.00066 → filled", "exit MARKET SELL 0.00066 → filled"],
    submitted_at: "2026-03-02T12:00:00.240Z",
    fills: ["BUY 0.00066 at 60000, fee 0.0000495 BNB", "SELL 0.00066 at 60000, fee 0.0000495 BNB"],
    position: "closed (manual)",
    fees: "0.0594",
    balance_before: "1000",
    balance_after: "999.94",
    pnl: "-0.0594",
    exchange_pnl: "-0.0594",
    latency_ms: 305,
    exchange_ms: 12,
  }],
};

Deno.test("a trade is told from signal to balance, one thing a line", () => {
  const lines = renderReport(REPORT).split("\n").map((line) => line.trim());
  for (
    const expected of [
      "1. market buy, hand close",
      "signal      8d5239b0-8b1f-49b6-9414-e17c94d21cfd",
      "decision    enter_trade BTCUSDT, entry 60000, stop 58200, targets 63000, confidence 80; 2026-03-02T12:00:00.000Z",
      "verdict     passed (41 rules)",
      "submission  2026-03-02T12:00:00.240Z",
      "order       exit MARKET SELL 0.00066 → filled",
      "fill        SELL 0.00066 at 60000, fee 0.0000495 BNB",
      "position    closed (manual)",
      "fees        0.0594 USDT",
      "balance     1000 USDT before, 999.94 USDT after",
      "PnL         -0.0594 USDT; by the exchange's fills -0.0594 USDT",
      "latency     305 ms from decision to recorded answer, 12 of them the exchange's",
      "Entries took 305 ms on average, 513 ms at most (asked: below 500 on average).",
      "Database and exchange agree, the books are zero.",
    ]
  ) {
    assert.ok(lines.includes(expected), `${expected}\nis not in\n${lines.join("\n")}`);
  }
});

Deno.test("what is not right is said in place of the all-clear", () => {
  const text = renderReport({ ...REPORT, troubles: ["BTC is 0.5 here, 0.4 there"] });
  assert.match(text, /BTC is 0\.5 here, 0\.4 there$/);
  assert.doesNotMatch(text, /agree/);
});
