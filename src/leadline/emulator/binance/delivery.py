"""The end of a contract: its delivery date, or the date of its delisting (dossier §4.1, §5.2, §12.4).

assumed: for half an hour before it a contract takes only what closes; for a minute from it on it is being
settled, and after that it is over. A dated contract is settled at the price that is estimated until then, a
perpetual one at its mark price.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.contracts import PERPETUAL_DELIVERY_MS
from leadline.emulator.binance.forced import DELIVERY, SETTLEMENT, Cause
from leadline.emulator.binance.listed import Listed
from leadline.emulator.binance.marks import MarkPrices
from leadline.emulator.numbers import NS_PER_S

NS_PER_MS = 1_000_000
BEFORE_NS = 1_800 * NS_PER_S
SETTLING_NS = 60 * NS_PER_S

_OF_PERPETUAL = ("PRE_SETTLE", "SETTLING", "CLOSE")
_OF_DATED = ("PRE_DELIVERING", "DELIVERING", "DELIVERED")

EndContract = Callable[[str, Cause, int, int], None]
"""Takes a contract, why it ends, its last price in 10^-8, and the time."""


class Deliveries:
    """Takes each contract to its end when its date has come."""

    def __init__(
        self, listed: Listed, marks: MarkPrices, agenda: Agenda, end: EndContract, now_ns: int
    ) -> None:
        self._listed = listed
        self._marks = marks
        self._agenda = agenda
        self._end = end
        for symbol in listed.trading():
            if now_ns // NS_PER_MS < listed.contracts[symbol].delivery_ms < PERPETUAL_DELIVERY_MS:
                self._schedule(symbol, now_ns)

    def delist(self, symbol: str, end_ns: int, now_ns: int) -> None:
        """Set when a contract ends; nothing happens to one that does not trade any more."""
        if symbol in self._listed.trading():
            self._listed.set_delivery(symbol, end_ns // NS_PER_MS)
            self._schedule(symbol, now_ns)

    def _schedule(self, symbol: str, now_ns: int) -> None:
        contract = self._listed.contracts[symbol]
        date_ms = contract.delivery_ms
        before, during, after = _OF_PERPETUAL if contract.perpetual else _OF_DATED
        end_ns = date_ms * NS_PER_MS
        stages = ((end_ns - BEFORE_NS, before), (end_ns, during), (end_ns + SETTLING_NS, after))
        for due_ns, status in stages:
            self._agenda.at(max(now_ns, due_ns), partial(self._turn, symbol, date_ms, status))
        self._agenda.at(end_ns, partial(self._close, symbol, date_ms))

    def _turn(self, symbol: str, date_ms: int, status: str, now_ns: int) -> None:
        # The date may have been moved meanwhile.
        if self._listed.contracts[symbol].delivery_ms == date_ms:
            self._listed.turn(symbol, status)

    def _close(self, symbol: str, date_ms: int, now_ns: int) -> None:
        contract = self._listed.contracts[symbol]
        if contract.delivery_ms != date_ms:
            return
        if contract.perpetual:
            self._end(symbol, SETTLEMENT, self._marks.mark(symbol), now_ns)
        else:
            self._end(symbol, DELIVERY, self._marks.settle(symbol), now_ns)
