"""What private connections want of REST."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.model.account import AccountConfiguration
from leadline.model.order import OrderKey
from leadline.venues.binance.account_wishes import AccountSnapshot, Wishes


class Connection:
    """A connection that only stands."""

    heard_ns = 0
    key = "k"

    def poke(self) -> None:
        """Nothing to do."""

    def snapshot(self, told: AccountSnapshot, now_ns: int) -> None:
        """Nobody listens."""

    def configured(self, configuration: AccountConfiguration, now_ns: int) -> None:
        """Nobody listens."""

    def joined(self, names: Sequence[str], now_ns: int) -> None:
        """Nobody listens."""

    def expect(self, wire: str, number: int, asked_ns: int, now_ns: int) -> None:
        """Nobody listens."""

    def superseded(self, since_ns: int, reason: str, now_ns: int) -> None:
        """Nobody listens."""


def test_whoever_waits_is_served_in_turn_and_once() -> None:
    wishes, first, second = Wishes(), Connection(), Connection()
    woken: list[int] = []
    wishes.wake = lambda: woken.append(1)
    for connection in (first, second, first):
        wishes.snapshot(connection)
    assert wishes.waiting() == [first, second]
    assert len(woken) == 3
    wishes.fulfilled(first)
    assert wishes.waiting() == [second]


def test_a_connection_that_is_gone_wants_nothing() -> None:
    wishes, connection = Wishes(), Connection()
    wishes.stands(connection)
    wishes.snapshot(connection)
    wishes.gone(connection)
    assert wishes.standing() == wishes.waiting() == []


def test_a_question_stands_until_it_is_answered_or_whoever_asks_is_gone() -> None:
    wishes, first, second = Wishes(), Connection(), Connection()
    key = OrderKey("algo:5", conditional=True)
    for connection in (first, second):
        wishes.stands(connection)
        wishes.question(connection, ["BTCUSDT:8"], [key])
    ours, theirs = wishes.questions()
    assert (ours.asker, ours.names, ours.suspects) == (first, ["BTCUSDT:8"], [key])
    wishes.answered(ours)
    wishes.answered(ours)
    assert wishes.questions() == [theirs]
    wishes.gone(second)
    assert wishes.questions() == []


def test_a_configuration_to_be_read_again_wakes_whoever_serves() -> None:
    wishes = Wishes()
    wishes.reread()
    assert wishes.configuration
