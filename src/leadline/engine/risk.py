"""What an order must pass before it is written down; the only maker of `Approved`.

Rule: checks decide synchronously on what is known now, and each says what would pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leadline.core.level import FULL, PERMITS, Deed, Verdict
from leadline.engine.blotter import Blotter
from leadline.engine.halts import Halts
from leadline.engine.runaway import Runaway
from leadline.errors import BreakerOpen, CheckFailed, Error, Held, JournalError, Refused
from leadline.model.level import Level
from leadline.model.market import Side, VenueMode
from leadline.model.order import Order, OrderKind, OrderRequest, PositionSide
from leadline.venues.ports import OrderEntry

Check = Callable[[OrderRequest], None]
"""Raises a Refused when the order must not go."""

Refusals = Callable[[OrderRequest, Error], None]
"""Told of an order of which nothing leaves, and why."""

_TOKEN = object()


def _nobody(request: OrderRequest, why: Error) -> None:
    """Nobody wants to know what is refused."""


class Approved:
    """A request that has passed every check; nothing else can be sent."""

    __slots__ = ("request",)

    def __init__(self, request: OrderRequest, token: object) -> None:
        if token is not _TOKEN:
            raise CheckFailed("an order is approved by Risk.approve and by nothing else")
        self.request = request


def reduces(request: OrderRequest) -> bool:
    """Whether an order can only make exposure smaller.

    On spot that is every sale without margin: it sells what is held, and the venue refuses more than that.
    On margin, and of contracts, only what is marked `reduce_only` is certain, or closes the position, or is
    on the other side of the position it names.
    """
    if request.reduce_only or request.close_position or request.kind is OrderKind.SETTLE_POSITION:
        return True
    if request.position_side is not PositionSide.NET:
        return (request.position_side is PositionSide.LONG) is (request.side is Side.SELL)
    return request.side is Side.SELL and not request.margin and ":" not in request.symbol


def deed(request: OrderRequest) -> Deed:
    """What placing an order does to exposure, at worst."""
    return Deed.REDUCE if reduces(request) else Deed.INCREASE


def check_replacement(entry: OrderEntry, order: Order, request: OrderRequest) -> None:
    """Whether a request can take an order's place; raises CheckFailed."""
    if request.validate:
        raise CheckFailed("only an order by itself is validated, not one that replaces another")
    if order.order_id is None or order.state.final or request.symbol != order.symbol:
        raise CheckFailed("only an open order, known at the venue, is replaced, by one of its symbol")
    if order.userref is None and order.client_id and not entry.replaces_named:
        raise CheckFailed(
            "the venue replaces no order that bears a client id; amend it, or cancel and submit"
        )


def always_full(deed: Deed) -> Verdict:
    """The service level where nobody watches it."""
    return FULL


class Risk:
    """The checks, in the order in which they are made, and the switches they look at.

    `gate` raises BreakerOpen while the breaker keeps new orders from the venue. `standing` is the level that
    counts for a deed now, and `book_problem` why a symbol's own book cannot be traded on, None where it can:
    both are set by whoever watches the level.
    """

    def __init__(
        self, entry: OrderEntry, blotter: Blotter, gate: Callable[[], None], halts: Halts, runaway: Runaway
    ) -> None:
        self.mode = VenueMode.ONLINE
        self.emergency_only = False
        self.standing: Callable[[Deed], Verdict] = always_full
        self.book_problem: Callable[[str], str | None] | None = None
        self.refused: Refusals = _nobody
        self._blotter = blotter
        self._gate = gate
        self._halts = halts
        self._runaway = runaway
        self._checks: tuple[Check, ...] = (
            entry.check,
            self._not_held,
            self._balances_known,
            self._venue_takes,
            self._level_permits,
            self._nothing_unknown,
        )

    def check_also(self, check: Check) -> None:
        """A further check, made after the others."""
        self._checks += (check,)

    def approve(self, request: OrderRequest, *, counted: bool = False) -> Approved:
        """Raises CheckFailed, Held or BreakerOpen; returns what may be sent, and counts it."""
        for check in self._checks:
            check(request)
        self._runaway.check()
        self._gate()
        if not counted:
            self._runaway.count(request)
        return Approved(request, _TOKEN)

    @contextmanager
    def guarding(self, *requests: OrderRequest) -> Iterator[None]:
        """While these are on their way: where nothing of them leaves, `refused` is told why."""
        try:
            yield
        except (Refused, JournalError) as why:
            for request in requests:
                self.refused(request, why)
            raise

    def count(self, request: OrderRequest) -> None:
        """Count what is asked for now and will wait: many that are let go at once are no program run wild."""
        self._runaway.check()
        self._runaway.count(request)

    def blocked(self, request: OrderRequest) -> Held | BreakerOpen | None:
        """What keeps an order that will pass later; None where nothing does, and where it never will."""
        try:
            for check in self._checks:
                check(request)
            self._gate()
        except (Held, BreakerOpen) as why:
            return why
        except Error:  # whoever waits finds out
            return None
        return None

    def allow_change(self, symbol: str, *, grows: bool = False) -> None:
        """Hold a change of an open order against the switches; raises CheckFailed, Held or BreakerOpen."""
        self._not_halted(symbol)
        if self.mode in (VenueMode.CANCEL_ONLY, VenueMode.MAINTENANCE):
            raise Held(f"the venue is in {self.mode.value} mode: orders of {symbol} can only be cancelled")
        self._permit(Deed.CHANGE, symbol)
        if grows:
            self._not_doubted(symbol)
            self._permit(Deed.INCREASE, symbol)
        self._runaway.check()
        self._gate()

    def still(self, approved: Approved) -> None:
        """Look again at what may have changed while an approved order waited; raises Held or BreakerOpen."""
        for check in self._checks[1:]:
            check(approved.request)
        self._runaway.check()
        self._gate()

    def may_leave(self, request: OrderRequest) -> None:
        """Look once more at an order of which nothing has left yet and that was journalled; raises Held."""
        for check in (self._not_held, self._balances_known, self._venue_takes, self._level_permits):
            check(request)

    def _not_held(self, request: OrderRequest) -> None:
        self._not_halted(request.symbol)

    def _not_halted(self, symbol: str) -> None:
        if self.emergency_only:
            raise Held("emergency-only mode: nothing but cancels and look-ups leaves until it is ended")
        why = self._halts.why(symbol)
        if why is not None:
            raise Held(f"orders of {symbol} are halted: {why}; resume the symbol once that is cleared")

    def _balances_known(self, request: OrderRequest) -> None:
        if not reduces(request):
            self._not_doubted(request.symbol)

    def _not_doubted(self, symbol: str) -> None:
        why = self._halts.doubt_of(symbol)
        if why is not None:
            raise Held(
                f"what is owned is in doubt ({why}): only orders that reduce are taken for {symbol} until"
                " stream and REST agree; what is given wait_s waits for that"
            )

    def _level_permits(self, request: OrderRequest) -> None:
        self._permit(deed(request), request.symbol)

    def _permit(self, what: Deed, symbol: str) -> None:
        """The table of levels; in DEGRADED what adds exposure needs a book of its own symbol besides."""
        now = self.standing(what)
        because = "; ".join(now.reasons)
        if what not in PERMITS[now.level]:
            raise Held(
                f"the service level is {now.level.name} ({because}): it lets nothing leave that would"
                f" {what.value}; cancels pass, and what is given wait_s waits for a better level"
            )
        if what is not Deed.INCREASE or now.level is not Level.DEGRADED or self.book_problem is None:
            return
        problem = self.book_problem(symbol)
        if problem is not None:
            raise Held(
                f"the service level is DEGRADED ({because}) and {problem}: only orders that reduce are taken"
                f" for {symbol} until its book is live and proven; what is given wait_s waits for that"
            )

    def _venue_takes(self, request: OrderRequest) -> None:
        """Kraken's modes: dossier §3.1. A mode that is not known is left to the venue to enforce."""
        mode = self.mode
        if mode in (VenueMode.CANCEL_ONLY, VenueMode.MAINTENANCE):
            raise Held(f"the venue is in {mode.value} mode and takes no new orders")
        if mode is VenueMode.POST_ONLY and not request.post_only:
            raise Held("the venue is in post_only mode; set post_only, or wait until it is online")
        if mode is VenueMode.LIMIT_ONLY and request.limit_price is None:
            raise Held("the venue is in limit_only mode; give a limit_price, or wait until it is online")

    def _nothing_unknown(self, request: OrderRequest) -> None:
        """While an answer is lost the worst is assumed, and nothing is added to it."""
        if reduces(request):
            return
        doubted = self._blotter.doubted(request.symbol)
        if doubted:
            most = self._blotter.exposure(request.symbol)
            raise Held(
                f"{len(doubted)} order(s) of {request.symbol} may or may not be at the venue"
                f" (at worst {most.buy} more bought, {most.sell} more sold), such as {doubted[0].client_id}:"
                " only orders that reduce are taken until that is known"
            )
