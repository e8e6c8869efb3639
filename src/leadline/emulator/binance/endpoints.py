"""Every endpoint of the account side: what it needs, what it costs, what it does (dossier §2.2, §3.4, §9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leadline.emulator.binance.acts import Acts
from leadline.emulator.binance.queries import Call, Queries
from leadline.emulator.binance.user_stream import UserStreams

NO_COUNT = (0, 0)
ORDER = (1, 1)
BATCH = (5, 1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`all_weight` is the weight without a symbol, `counts` the cost on both order windows.

    One that is not `signed` needs the key header alone; one that `acts` is kept for the judges.
    """

    act: Callable[[Call], Any]
    weight: int
    mandatory: tuple[str, ...] = ()
    all_weight: int = 0
    counts: tuple[int, int] = NO_COUNT
    signed: bool = True
    acts: bool = False

    def cost(self, query: Mapping[str, str]) -> int:
        """The weight of one request."""
        return self.all_weight if self.all_weight and "symbol" not in query else self.weight


Endpoints = dict[tuple[str, str], Endpoint]
ORDER_TERMS = ("symbol", "side", "type")


def endpoints(acts: Acts, queries: Queries, streams: UserStreams) -> Endpoints:
    """By method and path."""
    return _trading(acts) | _settings(acts) | _orders(queries) | _accounts(queries) | _keys(streams)


def _trading(acts: Acts) -> Endpoints:
    def act(
        one: Callable[[Call], Any], weight: int, *mandatory: str, counts: tuple[int, int] = NO_COUNT
    ) -> Endpoint:
        return Endpoint(one, weight, mandatory, counts=counts, acts=True)

    return {
        ("POST", "/fapi/v1/order"): act(acts.place, 0, *ORDER_TERMS, counts=ORDER),
        ("POST", "/fapi/v1/order/test"): Endpoint(acts.test, 0, ORDER_TERMS),
        ("PUT", "/fapi/v1/order"): act(acts.modify, 0, "symbol", "side", counts=ORDER),
        ("DELETE", "/fapi/v1/order"): act(acts.cancel, 1, "symbol"),
        ("POST", "/fapi/v1/batchOrders"): act(acts.place_batch, 5, "batchOrders", counts=BATCH),
        ("PUT", "/fapi/v1/batchOrders"): act(acts.modify_batch, 5, "batchOrders", counts=BATCH),
        ("DELETE", "/fapi/v1/batchOrders"): act(acts.cancel_batch, 1, "symbol"),
        ("DELETE", "/fapi/v1/allOpenOrders"): act(acts.cancel_all, 1, "symbol"),
        ("POST", "/fapi/v1/countdownCancelAll"): act(acts.countdown, 10, "symbol", "countdownTime"),
        ("POST", "/fapi/v1/algoOrder"): act(acts.place_algo, 0, "algoType", *ORDER_TERMS, counts=ORDER),
        ("DELETE", "/fapi/v1/algoOrder"): act(acts.cancel_algo, 1),
        ("DELETE", "/fapi/v1/algoOpenOrders"): act(acts.cancel_all_algos, 1, "symbol"),
    }


def _settings(acts: Acts) -> Endpoints:
    def act(one: Callable[[Call], Any], *mandatory: str) -> Endpoint:
        return Endpoint(one, 1, mandatory, acts=True)

    return {
        ("POST", "/fapi/v1/leverage"): act(acts.leverage, "symbol", "leverage"),
        ("POST", "/fapi/v1/marginType"): act(acts.margin_type, "symbol", "marginType"),
        ("POST", "/fapi/v1/positionMargin"): act(acts.position_margin, "symbol", "amount", "type"),
        ("POST", "/fapi/v1/positionSide/dual"): act(acts.position_mode, "dualSidePosition"),
        ("POST", "/fapi/v1/multiAssetsMargin"): act(acts.multi_assets, "multiAssetsMargin"),
        ("POST", "/fapi/v1/feeBurn"): act(acts.fee_burn, "feeBurn"),
    }


def _orders(queries: Queries) -> Endpoints:
    symbol = ("symbol",)
    return {
        ("GET", "/fapi/v1/order"): Endpoint(queries.order, 1, symbol),
        ("GET", "/fapi/v1/openOrder"): Endpoint(queries.open_order, 1, symbol),
        ("GET", "/fapi/v1/openOrders"): Endpoint(queries.open_orders, 1, all_weight=40),
        ("GET", "/fapi/v1/allOrders"): Endpoint(queries.all_orders, 5),
        ("GET", "/fapi/v1/orderAmendment"): Endpoint(queries.amendments, 1, symbol),
        ("GET", "/fapi/v1/forceOrders"): Endpoint(queries.force_orders, 20, all_weight=50),
        ("GET", "/fapi/v1/algoOrder"): Endpoint(queries.algo_order, 1),
        ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(queries.open_algo_orders, 1, all_weight=40),
        ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(queries.all_algo_orders, 5, symbol),
        ("GET", "/fapi/v1/userTrades"): Endpoint(queries.user_trades, 5, symbol),
        ("GET", "/fapi/v1/rateLimit/order"): Endpoint(queries.order_limits, 1),
    }


def _accounts(queries: Queries) -> Endpoints:
    symbol = ("symbol",)
    return {
        ("GET", "/fapi/v2/balance"): Endpoint(queries.balance, 5),
        ("GET", "/fapi/v3/balance"): Endpoint(queries.balance, 5),
        ("GET", "/fapi/v2/account"): Endpoint(queries.old_account, 5),
        ("GET", "/fapi/v3/account"): Endpoint(queries.account, 5),
        ("GET", "/fapi/v2/positionRisk"): Endpoint(queries.old_risk, 5),
        ("GET", "/fapi/v3/positionRisk"): Endpoint(queries.risk, 5),
        ("GET", "/fapi/v1/accountConfig"): Endpoint(queries.account_config, 5),
        ("GET", "/fapi/v1/symbolConfig"): Endpoint(queries.symbol_config, 5),
        ("GET", "/fapi/v1/leverageBracket"): Endpoint(queries.brackets, 1),
        ("GET", "/fapi/v1/commissionRate"): Endpoint(queries.commission, 20, symbol),
        ("GET", "/fapi/v1/adlQuantile"): Endpoint(queries.adl, 5),
        ("GET", "/fapi/v1/apiTradingStatus"): Endpoint(queries.trading_status, 1, all_weight=10),
        ("GET", "/fapi/v1/income"): Endpoint(queries.income, 30),
        ("GET", "/fapi/v1/positionMargin/history"): Endpoint(queries.margin_history, 1, symbol),
        ("GET", "/fapi/v1/positionSide/dual"): Endpoint(queries.position_mode, 30),
        ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(queries.multi_assets, 30),
        ("GET", "/fapi/v1/feeBurn"): Endpoint(queries.fee_burn, 30),
    }


def _keys(streams: UserStreams) -> Endpoints:
    def start(call: Call) -> dict[str, str]:
        return {"listenKey": streams.keys.start(call.account, call.now_ns)}

    def renew(call: Call) -> dict[str, str]:
        return {"listenKey": streams.keys.renew(call.account, call.now_ns)}

    def stop(call: Call) -> dict[str, str]:
        streams.keys.stop(call.account)
        return {}

    return {
        ("POST", "/fapi/v1/listenKey"): Endpoint(start, 1, signed=False),
        ("PUT", "/fapi/v1/listenKey"): Endpoint(renew, 1, signed=False),
        ("DELETE", "/fapi/v1/listenKey"): Endpoint(stop, 1, signed=False),
    }
