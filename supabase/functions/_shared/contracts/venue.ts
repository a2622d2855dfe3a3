/** The calls that the engine asks for and the answers it is given, as they pass the Data API. */
import { z } from "zod";
import type { OpenedKey, OrderReport, VenueAnswer } from "../domain/venue.ts";
import { VENUE_ENVIRONMENTS, type VenueCall } from "../domain/venue_call.ts";

const decimal = z.string().regex(/^\d+(\.\d+)?$/);

const order = z.object({
  client_order_id: z.string(),
  side: z.enum(["BUY", "SELL"]),
  type: z.enum(["MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"]),
  time_in_force: z.enum(["GTC", "IOC", "FOK"]).nullable(),
  quantity: decimal,
  price: decimal.nullable(),
  trigger_price: decimal.nullable(),
}).transform((row) => ({
  clientOrderId: row.client_order_id,
  side: row.side,
  type: row.type,
  timeInForce: row.time_in_force,
  quantity: row.quantity,
  price: row.price,
  triggerPrice: row.trigger_price,
}));

const pair = z.object({
  list_client_order_id: z.string(),
  quantity: decimal,
  target: z.object({ client_order_id: z.string(), price: decimal }),
  stop: z.object({ client_order_id: z.string(), trigger_price: decimal, price: decimal.nullable() }),
}).transform((row) => ({
  listClientOrderId: row.list_client_order_id,
  quantity: row.quantity,
  target: { clientOrderId: row.target.client_order_id, price: row.target.price },
  stop: {
    clientOrderId: row.stop.client_order_id,
    triggerPrice: row.stop.trigger_price,
    price: row.stop.price,
  },
}));

const byClientId = z.object({ client_order_id: z.string() }).transform((row) => row.client_order_id);

const byName = z.union([
  z.object({ client_order_id: z.string() }).transform((row) => ({ clientOrderId: row.client_order_id })),
  z.object({ exchange_order_id: z.string() }).transform((row) => ({
    exchangeOrderId: row.exchange_order_id,
  })),
]);

const replacement = z.object({ cancel_client_order_id: z.string(), order }).transform((row) => ({
  cancelClientOrderId: row.cancel_client_order_id,
  order: row.order,
}));

const fillsWanted = z.union([
  z.object({ exchange_order_id: z.string() }).transform((row) => ({
    exchangeOrderId: row.exchange_order_id,
  })),
  z.object({ since_ms: z.number().int() }).transform((row) => ({ sinceMs: row.since_ms })),
]);

const asked = z.discriminatedUnion("action", [
  z.object({ action: z.literal("submit"), request: order }),
  z.object({ action: z.literal("check_order"), request: order }),
  z.object({ action: z.literal("submit_pair"), request: pair }),
  z.object({ action: z.literal("cancel"), request: byClientId }),
  z.object({ action: z.literal("replace"), request: replacement }),
  z.object({ action: z.literal("lookup"), request: byName }),
  z.object({ action: z.literal("fills"), request: fillsWanted }),
  z.object({ action: z.literal("open_orders"), request: z.object({}) }),
  z.object({ action: z.literal("balances"), request: z.object({}) }),
  z.object({ action: z.literal("server_time"), request: z.object({}) }),
]);

/** A call as `trading.execute_job` and `trading.answer_call` hand it out. */
export const venueCall: z.ZodType<VenueCall> = z.object({
  id: z.number().int(),
  environment: z.enum(VENUE_ENVIRONMENTS),
  symbol: z.string().nullable(),
  timestamp_ms: z.number().int(),
  recv_window_ms: z.number().int(),
}).and(asked).transform((row): VenueCall => ({
  id: row.id,
  environment: row.environment,
  symbol: row.symbol,
  window: {
    timestampMs: row.timestamp_ms,
    recvWindowMs: row.recv_window_ms,
  },
  asked: { action: row.action, request: row.request } as VenueCall["asked"],
}));

/** A key as `trading.open_key` hands it out. */
export const openedKey: z.ZodType<OpenedKey> = z.object({
  api_key: z.string().min(1),
  secret: z.string().min(1),
  send_within_ms: z.number(),
}).transform((row): OpenedKey => ({
  key: { apiKey: row.api_key, secret: row.secret },
  sendWithinMs: row.send_within_ms,
}));

function reportRow(report: OrderReport): object {
  return {
    symbol: report.symbol,
    client_order_id: report.clientOrderId,
    exchange_order_id: report.exchangeOrderId,
    list_id: report.listId,
    side: report.side,
    type: report.type,
    status: report.status,
    quantity: report.quantity,
    executed_quantity: report.executedQuantity,
    price: report.price,
    trigger_price: report.triggerPrice,
    expiry_reason: report.expiryReason,
    updated_at_ms: report.updatedAtMs,
    ...(report.fills && { fills: report.fills.map(fillRow) }),
  };
}

function fillRow(fill: NonNullable<VenueAnswer["fills"]>[number]): object {
  return {
    trade_id: fill.tradeId,
    exchange_order_id: fill.exchangeOrderId,
    price: fill.price,
    quantity: fill.quantity,
    value: fill.value,
    fee: fill.fee,
    fee_asset: fill.feeAsset,
    is_maker: fill.isMaker,
    side: fill.side,
    executed_at: new Date(fill.executedAtMs).toISOString(),
  };
}

/** An answer as `trading.answer_call` takes it. */
export function answerRow(answer: VenueAnswer): object {
  const { facts } = answer;
  return {
    outcome: answer.outcome,
    reason: answer.reason,
    code: answer.code,
    message: answer.message,
    ...(answer.order && { order: reportRow(answer.order) }),
    ...(answer.orders && { orders: answer.orders.map(reportRow) }),
    ...(answer.unreadOrders && {
      unread_orders: answer.unreadOrders.map((unread) => ({
        symbol: unread.symbol,
        client_order_id: unread.clientOrderId,
        exchange_order_id: unread.exchangeOrderId,
      })),
    }),
    ...(answer.cancelled && { cancelled: reportRow(answer.cancelled) }),
    ...(answer.fills && { fills: answer.fills.map(fillRow) }),
    ...(answer.balances && { balances: answer.balances }),
    ...(answer.account && { account: { uid: answer.account.uid, can_trade: answer.account.canTrade } }),
    ...(answer.serverTimeMs !== undefined && { server_time_ms: answer.serverTimeMs }),
    requests: facts.requests,
    http_status: facts.httpStatus,
    used_weight: facts.usedWeight,
    order_count_10s: facts.orderCount10s,
    retry_after_ms: facts.retryAfterMs,
    sent_at_ms: facts.sentAtMs,
    elapsed_ms: facts.elapsedMs,
    body: facts.body,
  };
}
