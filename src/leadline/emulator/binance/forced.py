"""Positions the venue closes itself: liquidation, deleveraging, settlement, delivery (dossier §8.7, §12.4).

assumed: what is closed so meets nobody in the book, has the price it is told, and pays a taker's fee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo import Algos
from leadline.emulator.binance.engine import Engine
from leadline.emulator.binance.margin import TermsOf
from leadline.emulator.binance.orders import Ticket, TimeInForce
from leadline.emulator.binance.ports import MARK_DECIMALS, Liquidated
from leadline.emulator.binance.positions import Position
from leadline.emulator.binance.settlement import NS_PER_MS, Settlement
from leadline.emulator.numbers import rescaled


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a position is closed, and how that is told: by which client id, execution type and income.

    `expires` is the reason with which the contract's open orders end first; None where they stay.
    """

    client_id: str
    kind: Literal["CALCULATED", "TRADE"] = "CALCULATED"
    time_in_force: TimeInForce = "IOC"
    expires: str | None = None
    income: str = "REALIZED_PNL"


LIQUIDATION = Cause("autoclose-", expires="5")
ADL = Cause("adl_autoclose", time_in_force="GTC")
SETTLEMENT = Cause("settlement_autoclose-", "TRADE", expires="7")
# assumed: what a delivery pays is this kind of income in the place of realised profit
DELIVERY = Cause("delivery_autoclose-", "TRADE", expires="7", income="DELIVERED_SETTELMENT")


class ForcedCloses:
    """Closes positions; `listeners` hear of what is liquidated, for the public stream of that."""

    def __init__(
        self,
        engine: Engine,
        algos: Algos,
        settlement: Settlement,
        terms_of: TermsOf,
        accounts: Iterable[Account],
    ) -> None:
        self.listeners: list[Callable[[Liquidated], None]] = []
        self._engine = engine
        self._algos = algos
        self._settlement = settlement
        self._terms_of = terms_of
        self._accounts = accounts

    def everywhere(
        self, symbol: str, cause: Cause, mark: int, now_ns: int, part: float = 1.0, *, hollow: bool = False
    ) -> None:
        """Close every account's positions in a contract at a price in 10^-8, or a part of each."""
        for account in self._accounts:
            for position in account.held():
                if position.symbol == symbol:
                    self.take(account, position, cause, mark, now_ns, part, hollow=hollow)

    def end_contract(self, symbol: str, cause: Cause, mark: int, now_ns: int) -> None:
        """Let nothing be left of a contract in any account."""
        for account in self._accounts:
            self._expire(account, symbol, cause, now_ns)
            self._algos.end_all(account, symbol, "EXPIRED", now_ns)
        self.everywhere(symbol, cause, mark, now_ns)

    def take(
        self,
        account: Account,
        position: Position,
        cause: Cause,
        mark: int,
        now_ns: int,
        part: float = 1.0,
        *,
        hollow: bool = False,
    ) -> None:
        """Close one position, after the open orders of its contract where the cause ends them."""
        self._expire(account, position.symbol, cause, now_ns)
        terms = self._terms_of(position.symbol)
        numbered = cause.client_id.endswith("-")
        price = max(1, rescaled(mark, MARK_DECIMALS, terms.price_scale))
        ticket = Ticket(
            symbol=position.symbol,
            side="SELL" if position.amount > 0 else "BUY",
            order_type="LIMIT",
            qty=max(1, round(abs(position.amount) * part)),
            price=price,
            time_in_force=cause.time_in_force,
            position_side=position.side,
            client_id=f"{cause.client_id}{now_ns // NS_PER_MS}" if numbered else cause.client_id,
        )
        if hollow:
            self._engine.hollow(account, ticket, now_ns)
        order = self._engine.taken_over(account, ticket, price, now_ns, cause.kind, cause.income)
        if cause is LIQUIDATION:
            self._cover(account, terms.margin_asset, position.symbol, now_ns)
            for listener in self.listeners:
                listener(Liquidated(ticket.symbol, ticket.side, order.qty, price, now_ns))
        self._engine.follow(now_ns)

    def _expire(self, account: Account, symbol: str, cause: Cause, now_ns: int) -> None:
        if cause.expires is not None:
            for order in account.open_of(symbol):
                self._engine.end(account, order, "EXPIRED", now_ns, cause.expires)

    def _cover(self, account: Account, asset: str, symbol: str, now_ns: int) -> None:
        """assumed: the insurance fund takes the position and bears what the wallet lacks."""
        lacking = -self._settlement.cross(account, asset)
        if lacking > 0:
            self._settlement.book(account, "INSURANCE_CLEAR", asset, lacking, now_ns, symbol)
            self._settlement.tell_positions(account, "INSURANCE_CLEAR", [], asset, now_ns, lacking, symbol)
