"""What happens to an account beside its orders, as typed values in a bounded ring, told by direct call."""

from __future__ import annotations

from msgspec import Struct

from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountRefused,
    CredentialRefused,
    MarginCalled,
)
from leadline.core.session import LineDown, LineUp
from leadline.engine.balances import BalanceDrift, Booked
from leadline.engine.configuration import ConfigurationChanged
from leadline.engine.dead_man import DeadManChanged, OutlivesNot
from leadline.engine.events import Diverged, LineEvent, Log, Reconverged
from leadline.engine.positions import PositionChanged, PositionDrift
from leadline.engine.protection import ProtectionAnswered, ProtectionMissing
from leadline.model.market import VenueStatus


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
    | LineEvent
    | AccountGap
    | AccountDoubted
    | AccountRefused
    | CredentialRefused
    | VenueStatus
    | Booked
    | BalanceDrift
    | PositionChanged
    | PositionDrift
    | ConfigurationChanged
    | MarginCalled
    | Diverged
    | Reconverged
    | DeadManChanged
    | OutlivesNot
    | ProtectionMissing
    | ProtectionAnswered
    | Mismatch
    | Reconciled
    | NotReconciled
)

AccountLog = Log[AccountEvent]
