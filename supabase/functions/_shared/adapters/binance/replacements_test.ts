import assert from "node:assert/strict";
import {
  answering,
  KEY,
  leaveFor,
  sell,
  SYMBOL,
  venueAt,
} from "../../../../../tests/harness/binance_floor.ts";

/** Bodies of a cancel-replace that went wrong. */
function halves(
  code: number,
  cancelResult: string,
  newOrderResult: string,
  cancelled: unknown,
  placed: unknown,
): string {
  const data = { cancelResult, newOrderResult, cancelResponse: cancelled, newOrderResponse: placed };
  return JSON.stringify({ code, msg: "Order cancel-replace failed.", data });
}

const GONE = {
  symbol: SYMBOL,
  origClientOrderId: "stop-1",
  clientOrderId: "x",
  orderId: 7,
  orderListId: -1,
  transactTime: 1_767_225_600_000,
  origQty: "0.01",
  executedQty: "0",
  price: "0.00",
  status: "CANCELED",
  type: "STOP_LOSS",
  side: "SELL",
};
const PLACED = { ...GONE, origClientOrderId: null, clientOrderId: "s-2", orderId: 8, status: "NEW" };
const CONTRADICTION = {
  cancelResult: "SUCCESS",
  newOrderResult: "FAILURE",
  cancelResponse: GONE,
  newOrderResponse: PLACED,
};
const REFUSED = {
  code: -2010,
  msg: `Account has insufficient balance for requested action. ${KEY.apiKey} ${KEY.secret}`,
};
const LOST = { code: -1007, msg: "Timeout waiting for response from backend server." };
const NOT_FOUND = { code: -2011, msg: "Unknown order sent." };

Deno.test("a cancel-replace that went wrong says which half did, and doubts what its halves leave open", async () => {
  for (
    const [status, body, outcome, reason, isCancelled] of [
      [409, halves(-2021, "SUCCESS", "FAILURE", GONE, REFUSED), "rejected", "replace_half_done", true],
      [500, halves(-2021, "SUCCESS", "FAILURE", GONE, REFUSED), "unknown", "venue_error", false],
      [200, halves(-2021, "SUCCESS", "FAILURE", GONE, REFUSED), "unknown", "malformed_answer", false],
      [409, halves(-2021, "SUCCESS", "FAILURE", GONE, LOST), "unknown", "venue_error", true],
      [409, halves(-2021, "SUCCESS", "FAILURE", null, REFUSED), "unknown", "malformed_answer", false],
      [
        409,
        halves(-2021, "SUCCESS", "FAILURE", { ...GONE, origClientOrderId: "other" }, REFUSED),
        "unknown",
        "malformed_answer",
        false,
      ],
      [409, halves(-2021, "SUCCESS", "NOT_ATTEMPTED", GONE, REFUSED), "unknown", "malformed_answer", false],
      [200, JSON.stringify(CONTRADICTION), "unknown", "malformed_answer", false],
      [409, halves(-2021, "FAILURE", "SUCCESS", NOT_FOUND, {}), "unknown", "malformed_answer", false],
      [
        409,
        '{"code":-2021,"msg":"Order cancel-replace partially failed."}',
        "unknown",
        "malformed_answer",
        false,
      ],
      [400, halves(-2022, "FAILURE", "NOT_ATTEMPTED", NOT_FOUND, null), "rejected", "cancel_failed", false],
      [500, halves(-2022, "FAILURE", "NOT_ATTEMPTED", NOT_FOUND, null), "unknown", "venue_error", false],
      [400, halves(-2022, "FAILURE", "NOT_ATTEMPTED", LOST, null), "unknown", "venue_error", false],
      [400, halves(-2022, "FAILURE", "FAILURE", NOT_FOUND, REFUSED), "unknown", "malformed_answer", false],
      [400, '{"code":-2022,"msg":"Order cancel-replace failed."}', "unknown", "malformed_answer", false],
      [400, '{"code":-1013,"msg":"Filter failure: LOT_SIZE"}', "rejected", "filter_failed", false],
      [200, '{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS"}', "unknown", "malformed_answer", false],
    ] as const
  ) {
    await using server = answering(status, body);
    const venue = venueAt(server.url, server.outside);
    const answer = await venue.replace(
      SYMBOL,
      { cancelClientOrderId: "stop-1", order: sell("s-2") },
      leaveFor(),
    );
    assert.deepEqual([answer.outcome, answer.reason, answer.cancelled !== undefined], [
      outcome,
      reason,
      isCancelled,
    ], body);
    const text = JSON.stringify(answer);
    assert.ok(!text.includes(KEY.apiKey) && !text.includes(KEY.secret), text);
  }
});
