"""What can go wrong, as one tree. Each error answers: could the venue have acted?

    Error                      acted is NO unless said otherwise
    ├── ConfigError            settings that cannot be used; names the path in the file
    ├── UnknownSymbol          no such instrument; carries the nearest names
    ├── RecordingError         a file that is not a recording, or cannot be written
    ├── JournalError           the order journal cannot be used: damaged, foreign, newer, full
    │   └── JournalBusy        another process uses it
    ├── Refused                we said no before sending
    │   ├── CheckFailed        a check on our own side
    │   ├── Throttled          our own budget; says when it fits
    │   ├── Held               orders there wait for something; says for what
    │   └── BreakerOpen        too many failures; says when the venue is tried again
    ├── Stale                  no fresh value from any source; carries the age of the last one
    ├── TransportError         nothing learned of the venue's opinion
    │   ├── ConnectFailed      never reached it
    │   └── ConnectionLost     was up, is down                        acted is MAYBE
    ├── ProtocolError          it said something we do not understand
    └── VenueError             it answered: no
        ├── AuthError          key, signature, nonce, token
        ├── RateLimited        account or address; says for how long
        ├── VenueDown          maintenance, overload
        └── Rejected           this request, for a reason

Gaps, staleness of a stream, divergence and reconnects are events, not errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto


class Acted(Enum):
    """Could the venue have acted on the request that raised this?"""

    NO = auto()
    MAYBE = auto()


class Error(Exception):
    """The root: everything Leadline raises on purpose."""

    acted = Acted.NO


class ConfigError(Error):
    """Settings that cannot be used. The message names the path and the cure.

    `problems` are all that were found in a file, one text each; it is empty where there is only the message.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class UnknownSymbol(Error):
    """No instrument of that name at the venue."""

    def __init__(self, symbol: str, nearest: Sequence[str] = ()) -> None:
        self.symbol = symbol
        self.nearest = tuple(nearest)
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"unknown symbol {symbol!r}{hint}")


class RecordingError(Error):
    """A file that is not a recording, or one that cannot be written on."""


class Refused(Error):
    """We said no before anything was sent."""


class CheckFailed(Refused):
    """A check on our own side failed; the message says which and what would pass."""


class Throttled(Refused):
    """Our own budget for the venue is spent."""

    def __init__(self, message: str, delay_s: float) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class Held(Refused):
    """Orders are held: an UNKNOWN one, a halt, a trading mode, or a service level; the message says which."""


class BreakerOpen(Refused):
    """The circuit breaker keeps requests from the venue; what cancels or looks up orders still passes."""

    def __init__(self, message: str, retry_s: float) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class JournalError(Error):
    """The order journal cannot be used; the message names the file and the cure."""


class JournalBusy(JournalError):
    """Another process holds the order journal."""


class Stale(Error):
    """No source has a fresh value."""

    def __init__(self, what: str, why: str, last_age_s: float | None = None) -> None:
        self.what = what
        self.why = why
        self.last_age_s = last_age_s
        last = "never received" if last_age_s is None else f"last seen {last_age_s:.1f} s ago"
        super().__init__(f"no fresh {what}: {why} ({last})")


class TransportError(Error):
    """Nothing was learned about the venue's opinion."""


class ConnectFailed(TransportError):
    """The venue was never reached; no byte of the request left.

    `terminal` is true where trying again cannot help (HTTP 400, 401, 403, 404 at the upgrade).
    """

    def __init__(self, message: str, *, status: int | None = None, terminal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.terminal = terminal


class ConnectionLost(TransportError):
    """The link was up and is down; what was in flight may have arrived."""

    acted = Acted.MAYBE

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(Error):
    """The venue said something we do not understand; the bytes are kept (bounded)."""

    def __init__(self, message: str, frame: bytes = b"") -> None:
        super().__init__(message)
        self.frame = frame[:4096]


class VenueError(Error):
    """The venue answered: no. `text` is the venue's own wording."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class AuthError(VenueError):
    """Key, signature, nonce, token or permission."""


class RateLimited(VenueError):
    """The account or the address has asked too much."""

    def __init__(self, text: str, retry_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_s = retry_s


class VenueDown(VenueError):
    """Maintenance, overload, or the edge answering in the venue's place."""


class Rejected(VenueError):
    """This request is refused; repeating it unchanged is useless."""
