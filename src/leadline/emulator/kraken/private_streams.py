"""Subscriptions of one connection to its account's executions and balances (dossier §9).

Rule kept: the sequence of a subscription is given out in engine order and nothing of it overtakes another,
however long each message is delayed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from leadline.emulator.accounts import Account
from leadline.emulator.counters import ORDER_ALLOWANCES, POINT
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken import executions
from leadline.emulator.kraken.executions import Reports
from leadline.emulator.kraken.params import Params, invalid
from leadline.emulator.kraken.requests import Refusal, Request, unsupported
from leadline.emulator.market import Market
from leadline.emulator.numbers import rescaled
from leadline.emulator.orders import Execution, LedgerEntry
from leadline.emulator.wire import Frame

TRADES_IN_SNAPSHOT = 50
# assumed: how long news takes from the engine to the wire; acknowledgements take 2 to 8 ms as recorded
NEWS_DELAY_NS = (500_000, 9_000_000)
STATUS_CHANGES = ("trade", "new", "filled", "canceled", "expired")
PARAMETERS = {
    "executions": (
        "channel", "token", "snap_trades", "snap_orders", "order_status", "ratecounter", "users", "rebased",
        "snapshot", "snapshot_trades",
    ),
    "balances": ("channel", "token", "snapshot", "users", "rebased"),
}  # fmt: skip
PERMISSIONS = {"executions": "orders-open-query", "balances": "funds-query"}
_DOLLARS = ("USD", "USDT", "USDC")

RowOf = Callable[[Execution | LedgerEntry], str | None]


class Line(Protocol):
    """The connection, as its private side uses it."""

    def deliver(self, frame: Frame) -> None:
        """Send one frame now."""

    def later(self, due_ns: int, act: Callable[[int], None]) -> None:
        """Call back at that moment, unless the connection has ended."""

    def close(self, code: int, reason: str) -> None:
        """End the connection from the venue's side."""

    def begin_heartbeat(self, now_ns: int) -> None:
        """Note that a subscription has succeeded."""


class Lane:
    """Messages of one kind on one connection: each is delayed by chance, none overtakes another."""

    def __init__(
        self, kind: str, delay_ns: tuple[int, int], line: Line, board: FaultBoard, rng: random.Random
    ) -> None:
        self._kind = kind
        self._delay_ns = delay_ns
        self._line = line
        self._board = board
        self._rng = rng
        self._sent_ns = 0
        self._due_ns = 0

    def send(self, now_ns: int, made: Callable[[int], None]) -> int:
        """Call `made` when the message leaves, with the time the venue writes on it; returns when that is."""
        sent_ns = max(now_ns + self._rng.randint(*self._delay_ns), self._sent_ns)
        due_ns = max(sent_ns + self._board.news_delay_ns(self._kind, self._rng), self._due_ns)
        self._sent_ns, self._due_ns = sent_ns, due_ns
        self._line.later(due_ns, lambda _: made(sent_ns))
        return due_ns


class AccountStream:
    """One subscription, from its acknowledgement to its end."""

    def __init__(
        self, channel: str, account: Account, token: str, row_of: RowOf, line: Line, lane: Lane
    ) -> None:
        self.channel = channel
        self.token = token
        self._account = account
        self._row_of = row_of
        self._line = line
        self._lane = lane
        self._sequence = 0
        self._ended = False

    def begin(self, rows: list[str] | None) -> None:
        """Send the snapshot, where there is to be one, and every change after it."""
        if self._ended:
            return
        self._account.listeners.append(self._heard)
        if rows is not None:
            self._line.deliver(self._numbered("snapshot", rows))

    def end(self) -> None:
        """Send nothing more, also of what is under way."""
        self._ended = True
        if self._heard in self._account.listeners:
            self._account.listeners.remove(self._heard)

    def _heard(self, news: Execution | LedgerEntry) -> None:
        row = self._row_of(news)
        if row is not None:
            frame = self._numbered("update", [row])
            self._lane.send(news.time_ns, partial(self._arrive, frame))

    def _numbered(self, kind: str, rows: list[str]) -> Frame:
        self._sequence += 1
        return executions.frame(self.channel, kind, rows, self._sequence)

    def _arrive(self, frame: Frame, sent_ns: int) -> None:
        if not self._ended:
            self._line.deliver(frame)


class Wish:
    """What a subscription to an account channel asks for; raises `Refusal` where it cannot be had."""

    def __init__(self, request: Request) -> None:
        if request.extra:
            raise Refusal(unsupported(request.extra[0], request.method))
        self.channel = str(request.params.get("channel"))
        params = Params(request.params, request.method, PARAMETERS[self.channel])
        params.flag("rebased")
        if params.text("users") is not None:
            # assumed: no account here is a master account
            raise invalid("users")
        self._snapshot = params.flag("snapshot", True)
        # The deprecated names mean the same (assumed: the new one wins).
        self._orders = params.flag("snap_orders", self._snapshot)
        self._trades = params.flag("snap_trades", params.flag("snapshot_trades"))
        self._order_status = params.flag("order_status", True)
        self._ratecounter = params.flag("ratecounter")

    def result(self, account: Account) -> dict[str, Any]:
        """The result of the acknowledgement."""
        if self.channel == "balances":
            return {"channel": "balances", "snapshot": self._snapshot}
        return {
            "channel": "executions",
            "maxratecount": ORDER_ALLOWANCES[account.tier].most,
            "snap_orders": self._orders,
            "snap_trades": self._trades,
            "snapshot": self._orders,
            "warnings": executions.WARNINGS,
        }

    def rows(self, account: Account, reports: Reports) -> list[str] | None:
        """The snapshot now, None where none is wanted; that of executions comes also when it is empty."""
        if self.channel == "balances":
            return executions.balance_rows(account.balances) if self._snapshot else None
        rows = []
        if self._orders:
            rows += [reports.open_order(one) for one in reversed(account.open_orders.values())]
        if self._trades:
            latest = account.fills[-TRADES_IN_SNAPSHOT:]
            rows += [reports.past_trade(one, account.orders.get(one.order_id)) for one in reversed(latest)]
        return rows

    def row_of(self, account: Account, reports: Reports) -> RowOf:
        """What each piece of news becomes on this subscription, None where it is not told."""
        if self.channel == "balances":
            return lambda news: executions.ledger_row(news) if isinstance(news, LedgerEntry) else None
        return partial(self._report, account, reports)

    def _report(self, account: Account, reports: Reports, news: Execution | LedgerEntry) -> str | None:
        if not isinstance(news, Execution):
            return None
        if not self._order_status and news.exec_type not in STATUS_CHANGES:
            return None
        row = reports.update(news)
        if self._ratecounter:
            # assumed: the counter is told under the name it had in v1, in whole points
            points = account.counter(news.order.ticket.symbol).units(news.time_ns) // POINT
            row = f'{row[:-1]},"ratecount":{points}}}'
        return row


def reports_of(market: Market) -> Reports:
    """The writer of reports in the market's present decimals and prices."""

    def pair_of(symbol: str) -> Pair:
        return market.listings[symbol].pair

    def in_usd(asset: str, units: int, decimals: int) -> int:
        if asset in _DOLLARS:
            return rescaled(units, decimals, executions.USD_DECIMALS)
        listing = market.listings.get(f"{asset}/USD")
        # assumed: an asset without a price in dollars is told as worth nothing
        if listing is None:
            return 0
        value = units * listing.tape.last_price
        return rescaled(value, decimals + listing.pair.price_precision, executions.USD_DECIMALS)

    return Reports(pair_of, in_usd)
