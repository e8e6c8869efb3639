"""What an order must pass before it is written down; the only maker of `Approved`.

Rule: checks decide synchronously on what is known now, and each says what would pass.
"""

from __future__ import annotations

from collections.abc import Callable

from leadline.engine.blotter import Blotter
from leadline.errors import CheckFailed, Held
from leadline.model.market import Side, VenueMode
from leadline.model.order import OrderKind, OrderRequest
from leadline.venues.ports import OrderEntry

Check = Callable[[OrderRequest], None]
"""Raises a Refused when the order must not go."""

_TOKEN = object()


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
    On margin only what is marked `reduce_only` is certain.
    """
    if request.reduce_only or request.kind is OrderKind.SETTLE_POSITION:
        return True
    return request.side is Side.SELL and not request.margin


class Risk:
    """The checks, in the order in which they are made, and the switches they look at.

    `gate` raises BreakerOpen while the breaker keeps new orders from the venue.
    """

    def __init__(self, entry: OrderEntry, blotter: Blotter, gate: Callable[[], None]) -> None:
        self.mode = VenueMode.ONLINE
        self.emergency_only = False
        self.halts: dict[str, str] = {}
        self._blotter = blotter
        self._gate = gate
        self._checks: tuple[Check, ...] = (
            entry.check,
            self._not_held,
            self._venue_takes,
            self._nothing_unknown,
        )

    def approve(self, request: OrderRequest) -> Approved:
        """Raises CheckFailed, Held or BreakerOpen; returns what may be sent."""
        for check in self._checks:
            check(request)
        self._gate()
        return Approved(request, _TOKEN)

    def allow_change(self, symbol: str) -> None:
        """Hold a change of an open order against the switches; raises Held or BreakerOpen."""
        self._not_halted(symbol)
        if self.mode in (VenueMode.CANCEL_ONLY, VenueMode.MAINTENANCE):
            raise Held(f"the venue is in {self.mode.value} mode: orders of {symbol} can only be cancelled")
        self._gate()

    def still(self, approved: Approved) -> None:
        """Look again at what may have changed while an approved order waited; raises Held or BreakerOpen."""
        for check in self._checks[1:]:
            check(approved.request)
        self._gate()

    def _not_held(self, request: OrderRequest) -> None:
        self._not_halted(request.symbol)

    def _not_halted(self, symbol: str) -> None:
        if self.emergency_only:
            raise Held("emergency-only mode: nothing but cancels and look-ups leaves until it is ended")
        why = self.halts.get(symbol)
        if why is not None:
            raise Held(f"orders of {symbol} are halted: {why}; resume the symbol once that is cleared")

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
