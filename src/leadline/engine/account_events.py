"""What happens to an account beside its orders, as typed values in a bounded ring, told by direct call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec import Struct

from leadline.core.account_session import AccountGap, AccountRefused
from leadline.core.session import LineDown, LineUp
from leadline.engine.balances import BalanceDrift, Booked
from leadline.engine.dead_man import DeadManChanged, OutlivesNot
from leadline.model.market import VenueStatus

KEPT_EVENTS = 1000


class Mismatch(Struct, frozen=True):
    """Our view and the venue's still differ after every round of reconciliation; the symbol is halted."""

    symbol: str
    ours: str
    theirs: str


class Reconciled(Struct, frozen=True):
    """Our view and the venue's agree, after so many rounds; `corrected` pieces of news were missing here."""

    reason: str
    rounds: int
    corrected: int
    took_s: float


class NotReconciled(Struct, frozen=True):
    """The venue could not be asked; it is tried again. Told once for each cause."""

    reason: str
    error: str


AccountEvent = (
    LineUp
    | LineDown
    | AccountGap
    | AccountRefused
    | VenueStatus
    | Booked
    | BalanceDrift
    | DeadManChanged
    | OutlivesNot
    | Mismatch
    | Reconciled
    | NotReconciled
)


class AccountLog:
    """The last events, and a direct call to each listener for every new one."""

    def __init__(self) -> None:
        self.recent: deque[AccountEvent] = deque(maxlen=KEPT_EVENTS)
        self._listeners: list[Callable[[AccountEvent], None]] = []

    def add(self, event: AccountEvent) -> None:
        """Keep an event and tell the listeners."""
        self.recent.append(event)
        for listener in tuple(self._listeners):
            listener(event)

    def listen(self, listener: Callable[[AccountEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
