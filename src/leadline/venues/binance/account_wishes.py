"""What the private connections of an account want of its REST, and the answer that serves all of them.

Rule: a snapshot that was asked for before a connection wished for it tells that connection nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from leadline.model.account import AccountConfiguration, Position
from leadline.model.order import OrderKey, OrderReport
from leadline.venues.binance.holdings import AssetHeld


class AccountSnapshot(Struct, frozen=True):
    """The account as REST describes it; nothing in it is older than `asked_ns` (monotonic)."""

    orders: tuple[OrderReport, ...]
    assets: tuple[AssetHeld, ...]
    positions: tuple[Position, ...]
    configuration: AccountConfiguration
    asked_ns: int


class Wisher(Protocol):
    """A private connection, as whoever serves it sees it."""

    poke: Callable[[], None]

    @property
    def heard_ns(self) -> int:
        """When the venue last told anything of the account here, or the connection came to stand."""

    @property
    def key(self) -> str:
        """The key that the connection was opened with."""

    def snapshot(self, told: AccountSnapshot, now_ns: int) -> None:
        """The account as REST describes it."""

    def configured(self, configuration: AccountConfiguration, now_ns: int) -> None:
        """How the account trades, read anew."""

    def joined(self, names: Sequence[str], now_ns: int) -> None:
        """REST has told of every conditional order that may have placed these orders."""

    def expect(self, wire: str, number: int, asked_ns: int, now_ns: int) -> None:
        """The venue has accepted an order asked for then: what was subscribed already must tell of it."""

    def doubted(self, reason: str, now_ns: int) -> None:
        """It is not known whether the venue still serves the key."""

    def superseded(self, since_ns: int, reason: str, now_ns: int) -> None:
        """The key of the connection has been replaced, and may have told nothing since then."""


class Question(Struct, frozen=True):
    """Which of the conditional orders `suspects` has placed the orders of these names."""

    asker: Wisher
    names: Sequence[str]
    suspects: Sequence[OrderKey]


class Wishes:
    """The connections that stand, and those of them that wait."""

    def __init__(self) -> None:
        self.configuration = False
        """Whether the configuration is to be read again."""
        self.wake: Callable[[], None] = _nobody
        """Set by whoever fulfils them."""
        self.doubted_ns: Callable[[], int | None] = lambda: None
        """Since when the key of the stream cannot be proven, None while it is; set by whoever keeps it."""
        self._standing: dict[Wisher, None] = {}
        self._waiting: dict[Wisher, None] = {}
        self._questions: list[Question] = []

    def stands(self, session: Wisher) -> None:
        """This connection has come to stand."""
        self._standing[session] = None

    def gone(self, session: Wisher) -> None:
        """It stands no longer, and wants nothing."""
        self._standing.pop(session, None)
        self._waiting.pop(session, None)
        self._questions = [one for one in self._questions if one.asker is not session]

    def snapshot(self, session: Wisher) -> None:
        """This connection wants the account described."""
        self._waiting[session] = None
        self.wake()

    def fulfilled(self, session: Wisher) -> None:
        """It has its snapshot, or no use for one any more."""
        self._waiting.pop(session, None)

    def question(self, session: Wisher, names: Sequence[str], suspects: Sequence[OrderKey]) -> None:
        """This connection does not know which conditional order has placed these orders, if any has."""
        self._questions.append(Question(session, names, suspects))
        self.wake()

    def questions(self) -> list[Question]:
        """What is not answered yet, oldest first."""
        return list(self._questions)

    def answered(self, question: Question) -> None:
        """It is."""
        if question in self._questions:
            self._questions.remove(question)

    def reread(self) -> None:
        """The configuration has been changed, in a way that no event tells whole."""
        self.configuration = True
        self.wake()

    def standing(self) -> list[Wisher]:
        """Every connection that stands, oldest first."""
        return list(self._standing)

    def waiting(self) -> list[Wisher]:
        """Who waits for a snapshot, longest first."""
        return list(self._waiting)


def _nobody() -> None:
    """Nobody serves them yet."""
