import type {
  FillsRequest,
  OrderName,
  OrderRequest,
  PairRequest,
  ReplaceRequest,
  SignedWindow,
} from "./venue.ts";

/** The exchange's environments, as in `trading.environments`. */
export const VENUE_ENVIRONMENTS = ["simulator", "testnet", "demo", "production"] as const;

/** Which of the exchange's environments an account is in. */
export type VenueEnvironment = typeof VENUE_ENVIRONMENTS[number];

/** What the engine wants done, with what it takes. */
export type Asked =
  | { readonly action: "submit"; readonly request: OrderRequest }
  | { readonly action: "check_order"; readonly request: OrderRequest }
  | { readonly action: "submit_pair"; readonly request: PairRequest }
  | { readonly action: "cancel"; readonly request: string }
  | { readonly action: "lookup"; readonly request: OrderName }
  | { readonly action: "replace"; readonly request: ReplaceRequest }
  | { readonly action: "fills"; readonly request: FillsRequest }
  | { readonly action: "open_orders" | "balances"; readonly request: object }
  | { readonly action: "server_time"; readonly request: object };

/** One call to a venue, recorded and permitted by the engine: it is made once and answered once. */
export interface VenueCall {
  readonly id: number;
  readonly environment: VenueEnvironment;
  /** Null where the question is about the whole account. */
  readonly symbol: string | null;
  readonly window: SignedWindow;
  readonly asked: Asked;
}
