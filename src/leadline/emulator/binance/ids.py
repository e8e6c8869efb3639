"""Ids in the venue's form: those of orders count up by symbol and may exceed 2^53 (dossier §17.35)."""

from __future__ import annotations

import random
from itertools import count

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
FIRST_ALGO_ID = 1_000_000_033_225_453
LARGE = 8_389_765_739_703_625_592
"""An order id seen for ETHUSDT (§12.6)."""


class Ids:
    """All ids of one venue out of one stream of chance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._orders: dict[str, int] = {}
        self._algos = FIRST_ALGO_ID
        self._amendments = count(5_325)

    def order_id(self, symbol: str) -> int:
        """The next order id of a contract."""
        if symbol not in self._orders:
            self._orders[symbol] = LARGE if symbol == "ETHUSDT" else self._rng.randint(10**9, 10**12)
        self._orders[symbol] += self._rng.randint(1, 40)
        return self._orders[symbol]

    def algo_id(self) -> int:
        """The next id of a conditional order."""
        self._algos += self._rng.randint(1, 9)
        return self._algos

    def amendment_id(self) -> int:
        """The next id of a modification."""
        return next(self._amendments)

    def client_id(self) -> str:
        """An id for an order whose owner sent none."""
        return "".join(self._rng.choices(_ALPHABET, k=22))
