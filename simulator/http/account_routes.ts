import { formatFixed as text, formatShort } from "../core/fixed.ts";
import { balanceOf } from "../engine/accounts.ts";
import type { Account, Execution } from "../engine/model.ts";
import { marketOf } from "../engine/orders.ts";
import { Rejection } from "../engine/rejection.ts";
import { ORDER_LIMITS } from "./limits.ts";
import { accountInfo, discountOf, filterInfo, ownTrade } from "./render.ts";
import { type Action, readRange, type Route, selectRows, type SignedCall } from "./route.ts";
import type { Json } from "./wire.ts";

const ROWS_DEFAULT = 500;
const ROWS_MAX = 1_000;

function prepareMyTrades({ params, state, account, now }: SignedCall): Action {
  const market = marketOf(state, params.symbol());
  const [orderId, fromId] = [params.integer("orderId"), params.integer("fromId")];
  const range = readRange(params);
  const limit = params.limit(ROWS_DEFAULT, ROWS_MAX);
  const hasRange = range.start !== null || range.end !== null;
  if (hasRange && (orderId !== null || fromId !== null)) {
    throw new Rejection(-1128, "Combination of optional parameters invalid.");
  }
  return () => {
    const isSeen = (it: Execution) => it.accountId === account.id && it.at + it.readLagMs <= now();
    const own = market.executions.filter(isSeen)
      .filter((it) => orderId === null || it.orderId === orderId)
      .filter((it) => fromId === null || it.tradeId >= fromId);
    const rows = fromId === null ? selectRows(own, ({ at }) => at, range, limit) : own.slice(0, limit);
    return rows.map(ownTrade);
  };
}

function rates(account: Account): Json {
  return { maker: text(account.makerRate), taker: text(account.takerRate), ...NOT_BY_SIDE };
}

const NOT_BY_SIDE = { buyer: text(0n), seller: text(0n) };
const NO_RATES = { maker: text(0n), taker: text(0n), ...NOT_BY_SIDE };

function prepareCommission({ params, state, account }: SignedCall): Action {
  const { rules } = marketOf(state, params.symbol());
  return () => ({
    symbol: rules.symbol,
    standardCommission: rates(account),
    specialCommission: NO_RATES,
    taxCommission: NO_RATES,
    discount: discountOf(account),
  });
}

function prepareTradeFee({ params, state, account }: SignedCall): Action {
  const symbol = params.optionalSymbol();
  const symbols = symbol === null ? [...state.markets.keys()] : [marketOf(state, symbol).rules.symbol];
  const [makerCommission, takerCommission] = [formatShort(account.makerRate), formatShort(account.takerRate)];
  return () => symbols.map((one) => ({ symbol: one, makerCommission, takerCommission }));
}

function prepareMyFilters({ params, state }: SignedCall): Action {
  const { rules } = marketOf(state, params.symbol());
  return () => ({
    exchangeFilters: state.exchangeFilters.map(filterInfo),
    symbolFilters: rules.filters.map(filterInfo),
    assetFilters: [...state.assetCaps].filter(([asset]) =>
      asset === rules.baseAsset || asset === rules.quoteAsset
    )
      .map(([asset, limit]) => ({ filterType: "MAX_ASSET", asset, limit: text(limit) })),
  });
}

function apiRestrictions({ key }: SignedCall): Action {
  return () => ({
    ipRestrict: key.ips !== null,
    createTime: key.createdAt,
    enableReading: true,
    enableSpotAndMarginTrading: key.canTrade,
    enableWithdrawals: false,
    enableInternalTransfer: false,
    permitsUniversalTransfer: false,
    enableMargin: false,
    enableFutures: false,
    enableVanillaOptions: false,
    enablePortfolioMarginTrading: false,
  });
}

/** What CCXT takes its currencies from. Coins cannot leave this exchange, so there are no networks. */
function allCoins({ state, account }: SignedCall): Action {
  const assets = [...state.markets.values()].flatMap(({ rules }) => [rules.baseAsset, rules.quoteAsset]);
  return () =>
    [...new Set(assets)].map((coin) => ({
      coin,
      depositAllEnable: false,
      withdrawAllEnable: false,
      name: coin,
      free: text(balanceOf(account, coin).free),
      locked: text(balanceOf(account, coin).locked),
      freeze: "0",
      withdrawing: "0",
      ipoing: "0",
      ipoable: "0",
      storage: "0",
      isLegalMoney: false,
      trading: true,
      networkList: [],
    }));
}

function read(path: string, weight: Route["weight"], prepare: (call: SignedCall) => Action): Route {
  return { method: "GET", path, security: "read", weight, prepare };
}

export const ACCOUNT_ROUTES: readonly Route[] = [
  read("/api/v3/account", 20, ({ params, account }) => {
    const omitZero = params.flag("omitZeroBalances", false);
    return () => accountInfo(account, omitZero);
  }),
  read("/api/v3/account/commission", 20, prepareCommission),
  read("/api/v3/myTrades", (params) => params.has("orderId") ? 5 : 20, prepareMyTrades),
  read("/api/v3/myFilters", 40, prepareMyFilters),
  read("/api/v3/rateLimit/order", 40, ({ limits, account, now }) => () => {
    const counts = limits.orderCounts(account.id, now());
    return ORDER_LIMITS.map(({ interval, intervalNum, limit }, at) => ({
      rateLimitType: "ORDERS",
      interval,
      intervalNum,
      limit,
      count: counts[at]!,
    }));
  }),
  read("/sapi/v1/account/apiRestrictions", 1, apiRestrictions),
  read("/sapi/v1/capital/config/getall", 10, allCoins),
  read("/sapi/v1/asset/tradeFee", 1, prepareTradeFee),
  {
    method: "GET",
    path: "/sapi/v1/system/status",
    security: "none",
    weight: 1,
    prepare: () => () => ({ status: 0, msg: "normal" }),
  },
];
