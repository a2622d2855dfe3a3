/**
 * A request that the exchange refuses: the code and the words of its answer. Thrown before anything was
 * written, so a refused request leaves no trace.
 */
export class Rejection extends Error {
  override readonly name = "Rejection";

  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** The matching engine refuses a new order. */
export function orderRejected(message: string): Rejection {
  return new Rejection(-2010, message);
}

const UNKNOWN_ORDER = "Unknown order sent.";

/** The matching engine refuses to cancel. */
export function cancelRejected(message = UNKNOWN_ORDER): Rejection {
  return new Rejection(-2011, message);
}

/** The matching engine refuses to make an order smaller. */
export function amendRejected(message = UNKNOWN_ORDER): Rejection {
  return new Rejection(-2038, message);
}

/** A filter refuses the order before it reaches the matching engine. */
export function filterFailure(filter: string): Rejection {
  return new Rejection(-1013, `Filter failure: ${filter}`);
}

export const INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action.";
