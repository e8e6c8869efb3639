"""Kraken's private REST: signed requests to the account they act for (dossier §13–§14).

Errors come with HTTP 200. The order of judgement is: method, key, lock-out, signature, nonce, permission,
call counter, parameters, engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from leadline.emulator.counters import rest_points
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.kraken import form
from leadline.emulator.kraken.account_queries import AccountQueries, Call
from leadline.emulator.kraken.auth import TOKEN_LIFE_S, Gate, Tokens
from leadline.emulator.kraken.funding import Funding
from leadline.emulator.kraken.rest import RestError, json_answer
from leadline.emulator.kraken.trading_calls import TradingCalls
from leadline.emulator.market import Market
from leadline.emulator.orders import Refused
from leadline.emulator.trading import Trading
from leadline.emulator.wire import Answer

PREFIX = "/0/private/"
MOVING_FUNDS = ("Withdraw", "WithdrawCancel", "WalletTransfer")


@dataclass(frozen=True, slots=True)
class _Endpoint:
    permission: str
    act: Callable[[Call], Any]


class PrivateRest:
    """The endpoints of /0/private."""

    def __init__(self, market: Market, trading: Trading, board: FaultBoard, tokens: Tokens) -> None:
        self.gate = Gate(trading.accounts, board)
        self._board = board
        self._tokens = tokens
        self._endpoints = {
            **_queries(AccountQueries(market, board)),
            **_acts(TradingCalls(market, trading)),
            **_funding(Funding(market)),
            "GetWebSocketsToken": _Endpoint("websocket", self._token),
            "GetApiKeyInfo": _Endpoint("", self._key_info),
            **{name: _Endpoint("withdraw", _refused) for name in MOVING_FUNDS},
        }

    def answer(
        self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes, now_ns: int
    ) -> Answer:
        """What the venue answers."""
        try:
            result = self._result(method, path, list(headers), body, now_ns)
        except (Refused, RestError) as error:
            return json_answer({"error": [str(error)]})
        return json_answer({"error": [], "result": result})

    def _result(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes, now_ns: int
    ) -> Any:
        name = path.removeprefix(PREFIX)
        endpoint = self._endpoints.get(name)
        if endpoint is None or method != "POST":
            raise Refused("EGeneral:Unknown method")
        kind = next((value for key, value in headers if key.lower() == "content-type"), "")
        asked = form.parsed(body, kind)
        account = self.gate.admit(path, headers, body, asked, now_ns)
        if endpoint.permission and endpoint.permission not in account.permissions:
            raise Refused("EGeneral:Permission denied")
        points = rest_points(name, by_client_id="cl_ord_id" in asked)
        if self._board.counters_on() and not account.rest.take(points, now_ns):
            raise Refused("EAPI:Rate limit exceeded")
        return endpoint.act(Call(account, asked, now_ns))

    def _token(self, call: Call) -> Any:
        return {"token": self._tokens.issue(call.account, call.now_ns), "expires": TOKEN_LIFE_S}

    def _key_info(self, call: Call) -> Any:
        """assumed: the names of the fields; the dossier knows only that the call exists."""
        account = call.account
        state = self.gate.key(account.api_key)
        return {
            "apiKeyName": account.name,
            "apiKey": account.api_key,
            "nonce": str(state.nonce),
            "nonceWindow": str(state.window),
            "permissions": sorted(account.permissions),
            "validUntil": "0",
        }


def _refused(call: Call) -> Any:
    raise Refused("EGeneral:Permission denied")


def _queries(queries: AccountQueries) -> dict[str, _Endpoint]:
    return {
        "Balance": _Endpoint("funds-query", queries.balance),
        "BalanceEx": _Endpoint("funds-query", queries.balance_ex),
        "TradeBalance": _Endpoint("orders-open-query", queries.trade_balance),
        "OpenOrders": _Endpoint("orders-open-query", queries.open_orders),
        "ClosedOrders": _Endpoint("orders-closed-query", queries.closed_orders),
        "QueryOrders": _Endpoint("orders-open-query", queries.query_orders),
        "OrderAmends": _Endpoint("orders-open-query", queries.order_amends),
        "TradesHistory": _Endpoint("orders-closed-query", queries.trades_history),
        "QueryTrades": _Endpoint("orders-closed-query", queries.query_trades),
        "OpenPositions": _Endpoint("orders-open-query", queries.open_positions),
        "Ledgers": _Endpoint("ledger-query", queries.ledgers),
        "QueryLedgers": _Endpoint("ledger-query", queries.query_ledgers),
        "TradeVolume": _Endpoint("funds-query", queries.trade_volume),
    }


def _acts(calls: TradingCalls) -> dict[str, _Endpoint]:
    return {
        "AddOrder": _Endpoint("orders-modify", calls.add_order),
        "AddOrderBatch": _Endpoint("orders-modify", calls.add_order_batch),
        "AmendOrder": _Endpoint("orders-modify", calls.amend_order),
        "EditOrder": _Endpoint("orders-modify", calls.edit_order),
        "CancelOrder": _Endpoint("orders-cancel", calls.cancel_order),
        "CancelOrderBatch": _Endpoint("orders-cancel", calls.cancel_order_batch),
        "CancelAll": _Endpoint("orders-cancel", calls.cancel_all),
        "CancelAllOrdersAfter": _Endpoint("orders-cancel", calls.cancel_all_orders_after),
    }


def _funding(funding: Funding) -> dict[str, _Endpoint]:
    return {
        "DepositMethods": _Endpoint("funds-query", funding.deposit_methods),
        "DepositAddresses": _Endpoint("funds-query", funding.deposit_addresses),
        "DepositStatus": _Endpoint("funds-query", funding.deposit_status),
        "WithdrawMethods": _Endpoint("funds-query", funding.withdraw_methods),
        "WithdrawAddresses": _Endpoint("funds-query", funding.withdraw_addresses),
        "WithdrawInfo": _Endpoint("funds-query", funding.withdraw_info),
        "WithdrawStatus": _Endpoint("funds-query", funding.withdraw_status),
    }
