import type { CancelRestriction, OrderKey } from "../engine/cancelling.ts";
import { Rejection } from "../engine/rejection.ts";
import type { Params } from "./params.ts";

/** Which order a request names; at least one of its ids is there. */
export function readOrderKey(
  params: Params,
  idName = "orderId",
  clientIdName = "origClientOrderId",
): OrderKey {
  const symbol = params.symbol();
  const [orderId, clientOrderId] = [params.integer(idName), params.clientId(clientIdName)];
  if (orderId === null && clientOrderId === null) {
    throw new Rejection(
      -1102,
      `Param '${clientIdName}' or '${idName}' must be sent, but both were empty/null!`,
    );
  }
  return { symbol, orderId, clientOrderId };
}

export function readRestriction(params: Params): CancelRestriction | null {
  const refusal = new Rejection(
    -1145,
    "Invalid cancelRestrictions. Allowed values are either ONLY_NEW or ONLY_PARTIALLY_FILLED.",
  );
  return params.oneOf("cancelRestrictions", ["ONLY_NEW", "ONLY_PARTIALLY_FILLED"], refusal);
}
