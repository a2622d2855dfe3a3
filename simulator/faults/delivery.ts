import type { WireAnswer } from "../http/wire.ts";

/** How an answer reaches the client, if it does. */
export type Delivery =
  | { readonly kind: "answer"; readonly answer: WireAnswer }
  /** The connection ends without a byte. */
  | { readonly kind: "dropped" }
  /** The head and half of the body, then the end of the connection, at once or after a while. */
  | { readonly kind: "cut"; readonly answer: WireAnswer; readonly afterMs: number };

export function htmlAnswer(status: number): WireAnswer {
  const body =
    `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n` +
    "</body>\r\n</html>\r\n";
  return { status, headers: { "Content-Type": "text/html" }, body };
}
