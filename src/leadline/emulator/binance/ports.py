"""What the account side of the emulated Binance asks of its market side, and no more.

Prices of marks are integers of 10^-8 of the quote asset, whatever decimals the contract trades with.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MARK_DECIMALS = 8

Row = Mapping[str, Any]
"""One element of `exchangeInfo.symbols`, as the venue serves it now: filters, decimals, status."""
Rows = Callable[[], Mapping[str, Row]]
"""Every listed contract by the venue's symbol; the same symbol is the key of its listing in the market."""


@dataclass(frozen=True, slots=True)
class Funding:
    """One funding moment of one contract: `rate` and `mark` in 10^-8."""

    symbol: str
    rate: int
    mark: int
    time_ns: int


class Marks(Protocol):
    """The mark prices. `listeners` hear of every new one (symbol, time), `funders` of every funding."""

    listeners: list[Callable[[str, int], None]]
    funders: list[Callable[[Funding], None]]

    def mark(self, symbol: str) -> int:
        """The mark price now, in 10^-8 of the quote."""


class Weights(Protocol):
    """The request weight of the address, one fixed UTC minute at a time (dossier §3)."""

    limit: int

    def charge(self, cost: int, now_ns: int) -> None:
        """Spend weight; raises `errors.Refused` with status 429 or 418 where the minute is spent."""

    def used(self, now_ns: int) -> int:
        """What this minute has cost so far."""


class Board(Protocol):
    """What the fault switchboard does to what an account is told."""

    def misstated(self, asset: str) -> int:
        """How much more of an asset REST tells than there is, in 10^-10."""

    def hidden_orders(self) -> set[str | None]:
        """The ids, client ids or `oldest` of the open orders that REST leaves out of its list."""

    def unseen_ns(self) -> int:
        """For how long look-ups and lists do not know a new order."""

    def news_delay_ns(self, kind: str, rng: random.Random) -> int:
        """How much later an event leaves; `kind` is executions or balances."""


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A position the venue closed by force, for the public stream of liquidations; ticks and lots."""

    symbol: str
    side: str
    qty: int
    price: int
    time_ns: int
