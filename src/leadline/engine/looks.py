"""One look: REST is asked, and its answer held against the states the streams go through meanwhile.

Rule: what the answer does not settle at once is looked at again a moment later, because the stream may bring
the state that REST showed only after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from leadline.core.book import BookView
from leadline.core.crosscheck import (
    COMPARED_LEVELS,
    Best,
    Outcome,
    Verdict,
    compare_books,
    compare_marks,
    compare_tickers,
)
from leadline.engine.answers import TOGETHER, fetch_together
from leadline.engine.checks import Check, Found, State
from leadline.engine.topics import Desk, Topic
from leadline.engine.witness import Witness
from leadline.model.market import MarkPrice, Ticker
from leadline.net.http import Purpose
from leadline.venues.ports import MarketData

FLIGHT_S = 5.0
"""An answer that takes longer says too little of now and is not waited for."""

GRACE_S = 1.5
"""So long after REST's answer the stream may still bring the state that it shows."""

_AT_ONCE = 50  # symbols compared in one go, before others have their turn


class Looks:
    """Asks the venue's REST port for cross-checks."""

    def __init__(self, market: MarketData, desk: Desk) -> None:
        self._market = market
        self._clock = desk.clock
        self.requests = 0

    async def look(self, checks: Sequence[Check], purpose: Purpose = Purpose.CROSS_CHECK) -> list[Found]:
        """What REST and the streams say of these topics of one kind, or of one book; those it told of only.

        Raises what the request raises, and TimeoutError.
        """
        with ExitStack() as stack:
            watched = {check: stack.enter_context(_watching(check.topic)) for check in checks}
            counts = {check: check.topic.cadence.count for check in checks}
            asked_ns = self._clock.mono_ns()
            rest = await self._ask(checks, purpose)
            answered_ns = self._clock.mono_ns()
            asked = [check for check in checks if check.topic.symbol in rest and watched[check].states]
            found: dict[Check, Found] = {}
            for attempt in range(2):
                for number, check in enumerate(asked):
                    if number % _AT_ONCE == _AT_ONCE - 1:
                        await self._clock.sleep(0)
                    told, states = rest[check.topic.symbol], tuple(watched[check].states)
                    outcome = _compared(states, told)
                    if outcome is not None:
                        found[check] = Found(
                            check, outcome, told, states, asked_ns, answered_ns, counts[check]
                        )
                asked = [one.check for one in found.values() if one.outcome.verdict is not Verdict.AGREED]
                if attempt or not asked:
                    break
                await self._clock.sleep(GRACE_S)
            return list(found.values())

    async def _ask(self, checks: Sequence[Check], purpose: Purpose) -> dict[str, Any]:
        self.requests += 1
        async with asyncio.timeout(FLIGHT_S):
            channel = checks[0].topic.subscription.channel
            if channel in TOGETHER:
                symbols = [check.topic.symbol for check in checks]
                return dict(await fetch_together(self._market, channel, symbols, purpose))
            symbol = checks[0].topic.symbol
            return {symbol: await self._market.fetch_book(symbol, COMPARED_LEVELS, purpose)}


def best_of(state: State) -> Best | None:
    """The best prices, of a mark price that one twice; None where a side is empty."""
    if isinstance(state, Ticker):
        return state.bid, state.ask
    if isinstance(state, MarkPrice):
        return state.mark, state.mark
    return (state.bids[0].price, state.asks[0].price) if state.bids and state.asks else None


def state_of(value: Ticker | MarkPrice | BookView) -> State:
    """A stream's value as one that may be kept."""
    return value.freeze(COMPARED_LEVELS) if isinstance(value, BookView) else value


@contextmanager
def _watching(topic: Topic[Any]) -> Iterator[Witness[State]]:
    """See the states of a topic from the present one on."""
    witness = Witness(state_of)
    if topic.value is not None:
        witness.saw(topic.value)
    topic.watched_by(witness)
    try:
        yield witness
    finally:
        topic.dismiss(witness)


def _compared(states: Sequence[Any], rest: State) -> Outcome | None:
    if isinstance(rest, Ticker):
        return compare_tickers(states, rest)
    if isinstance(rest, MarkPrice):
        return compare_marks(states, rest)
    full = [state for state in states if state.bids and state.asks]
    return compare_books(full, rest) if full else None
