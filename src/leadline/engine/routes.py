"""All routes of a venue's public streams, each with lines of its own, as the one source of streams of a feed.

One route reports straight to the feed and costs nothing per frame; of several each names itself in the news
and events of its lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

from msgspec.structs import replace

from leadline.clock import Clock
from leadline.core.book import BookCounts, sum_of
from leadline.core.histogram import Histogram
from leadline.core.session import Coverage, Emit, LineDown, LineUp, MarketSession, News
from leadline.core.subscriptions import by_priority
from leadline.engine.events import LineEvent
from leadline.engine.lines import HANDOVER_S, Lines, LineState
from leadline.engine.once import Once
from leadline.engine.strands import Stream
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.model.market import Channel, InstrumentsChanged, Subscription, VenueStatus
from leadline.net.connection import Line
from leadline.venues.ports import MarketData

MakeLine = Callable[[str, MarketSession], Line]
"""A line of a route for a session."""


_RARE = frozenset({LineUp, LineDown, InstrumentsChanged, VenueStatus})


class Routes:
    """The lines of every route of a market; `make_line` builds one for a session of the route it is told.

    The other arguments are those of `Lines`, for each route alike. A route connects when something is first
    wanted of it, the only one of a venue at once.
    """

    def __init__(
        self,
        market: MarketData,
        make_line: MakeLine,
        emit: Emit,
        tell: Callable[[LineEvent], None],
        clock: Clock,
        *,
        count: int = 1,
        redundant: bool = True,
        rotate_after_s: float | None = None,
        handover_s: float = HANDOVER_S,
        may_rotate: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._market = market
        self._single = len(market.routes) == 1
        self.rotate_after_s = rotate_after_s
        """When a line is replaced by a younger one; None where none is."""
        once = Once(emit)
        self._needed = {route: asyncio.Event() for route in market.routes}

        def lines_of(route: str) -> Lines:
            return Lines(
                lambda take: market.session(take, route),
                lambda session: make_line(route, session),
                emit if self._single else _naming(emit, route, once),
                tell if self._single else _telling(tell, route),
                clock,
                count=count,
                redundant=redundant,
                rotate_after_s=rotate_after_s,
                handover_s=handover_s,
                may_rotate=may_rotate,
                quiet=frozenset(Channel) - market.limits.prompt_channels - {Channel.BOOK},
            )

        self.by_name: Mapping[str, Lines] = {route: lines_of(route) for route in market.routes}
        """The lines of each route."""

    def __repr__(self) -> str:
        stand = sum(lines.connected for lines in self._all)
        return f"Routes({stand} of {len(self._all)} connected)"

    # --- one session, to the feed ---

    def of(self, subscription: Subscription) -> Lines:
        """The lines that stream this."""
        return self.by_name[self._market.route_of(subscription)]

    def route_of(self, subscription: Subscription) -> str:
        """The name of the route that streams this; empty where the venue has but one."""
        return "" if self._single else self._market.route_of(subscription)

    @property
    def last_frame_ns(self) -> int:
        """When any line of any route was last heard."""
        return max(lines.last_frame_ns for lines in self._all)

    def up(self, now_ns: int) -> bool:
        """Whether any line of any route stands and is not silent."""
        return any(lines.up(now_ns) for lines in self._all)

    def want(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this from now on; what was refused is asked for anew."""
        route = self._market.route_of(subscription)
        self.by_name[route].want(subscription, now_ns)
        self._needed[route].set()

    def unwant(self, subscription: Subscription, now_ns: int) -> None:
        """Stream this no longer."""
        self.of(subscription).unwant(subscription, now_ns)

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        """The copy that readers had is silent or wrong: go on from a better one, or subscribe it anew."""
        self.of(subscription).renew(subscription, reason, now_ns)

    def coverage(self, subscription: Subscription) -> Coverage | None:
        """How far a subscription has come on the line where it has come furthest."""
        return self.of(subscription).coverage(subscription)

    def wanted(self) -> list[Subscription]:
        """Everything wanted, in order of priority."""
        return by_priority(dict.fromkeys(each for lines in self._all for each in lines.wanted()))

    def poke(self) -> None:
        """Carry out now what the sessions want done, because somebody has changed what is wanted of them."""
        for lines in self._all:
            lines.poke()

    # --- how they stand ---

    @property
    def lines(self) -> tuple[LineState, ...]:
        """Every line, route by route; where there are several routes, of those that are needed only."""
        return tuple(
            replace(state, route=route)
            for route, lines in self.by_name.items()
            if self._single or self._needed[route].is_set() or lines.wanted()
            for state in lines.lines
        )

    @property
    def sessions(self) -> tuple[MarketSession, ...]:
        """The sessions of all lines that are kept."""
        return tuple(session for lines in self._all for session in lines.sessions)

    @property
    def book_messages(self) -> BookCounts:
        """Messages of books over all lines there have been, by what their proof said."""
        return sum_of([lines.book_messages for lines in self._all])

    @property
    def switches(self) -> Histogram:
        """Hand-overs from line to line: nanoseconds from the noticing of the cause to the last value."""
        if self._single:
            return self._all[0].switches
        together = Histogram()
        for lines in self._all:
            together.merge(lines.switches)
        return together

    @property
    def connected(self) -> bool:
        """Whether a line stands of every route that something is wanted of."""
        needed = [lines for lines in self._all if lines.wanted()] or self._all
        return all(lines.connected for lines in needed)

    @property
    def connects(self) -> int:
        """Connections that stood, over all lines."""
        return sum(lines.connects for lines in self._all)

    @property
    def last_error(self) -> ConnectFailed | ConnectionLost | None:
        """Why a try or connection last ended: that of a route without a line first."""
        known = sorted(self._all, key=lambda lines: lines.connected)
        return next((lines.last_error for lines in known if lines.last_error is not None), None)

    def stands(self, subscription: Subscription) -> bool:
        """Whether any line stands that was asked for this stream."""
        return self.of(subscription).stands(subscription)

    def stream(self, subscription: Subscription) -> Stream | None:
        """Who carries this, line by line; None while it is not wanted."""
        return self.of(subscription).carriers.streams.get(subscription)

    # --- their life ---

    async def run(self) -> NoReturn:
        """Keep all lines for ever; raises what ended the last line of a route for good."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for route in self.by_name:
                    tasks.create_task(self._run(route))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        raise AssertionError("lines are kept for ever")

    async def _run(self, route: str) -> NoReturn:
        lines = self.by_name[route]
        if not self._single and not lines.wanted():
            await self._needed[route].wait()
        await lines.run()

    @property
    def _all(self) -> list[Lines]:
        return list(self.by_name.values())


def _naming(emit: Emit, route: str, once: Once) -> Emit:
    """The same, with the route's name in news of its lines; what every route tells comes once."""

    def take(news: News, now_ns: int) -> None:
        if type(news) in _RARE:
            if isinstance(news, InstrumentsChanged | VenueStatus):
                once.receive(route, news, now_ns)
                return
            assert isinstance(news, LineUp | LineDown)
            news = replace(news, route=route)
        emit(news, now_ns)

    return take


def _telling(tell: Callable[[LineEvent], None], route: str) -> Callable[[LineEvent], None]:
    return lambda event: tell(replace(event, route=route))
