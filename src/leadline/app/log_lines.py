"""What is logged of what happens: a line for each change of state, the end of a trouble as loud as its begin.

Rule: nothing is logged for a message, a reading or an order that goes as it should.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import msgspec

from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountRefused,
    CredentialRefused,
    MarginCalled,
)
from leadline.core.session import Confirmed, FrameSkipped, LineDown, LineUp, SubscriptionRefused
from leadline.engine.account_events import AccountEvent, Mismatch, NotReconciled, Reconciled
from leadline.engine.balances import BalanceDrift, Booked
from leadline.engine.configuration import ConfigurationChanged
from leadline.engine.dead_man import DeadManChanged, OutlivesNot
from leadline.engine.events import (
    AlertChanged,
    CheckpointNotSaved,
    CheckpointRestored,
    Diverged,
    Event,
    LevelChanged,
    LineEvent,
    LineRotated,
    LineSwitched,
    ReaderCaughtUp,
    ReaderLags,
    Reconverged,
    RotationPutOff,
    SourceChanged,
    StreamShareLow,
    StreamShareRecovered,
)
from leadline.engine.positions import PositionChanged, PositionDrift
from leadline.engine.protection import ProtectionAnswered, ProtectionMissing
from leadline.model.market import Gap, InstrumentsChanged, VenueMode, VenueStatus
from leadline.model.reading import Source

Say = Callable[..., None]

_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMED = 3
"""So many of many things are named."""


class LogLines:
    """Tells a structlog logger what happens to a feed and to an account."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._troubled: set[object] = set()
        """What is in trouble now, each by a key of its own: no more of them than lines and streams."""
        self._modes: dict[str, VenueMode] = {}

    def event(self, event: Event) -> None:
        """Something has happened to the feed."""
        match event:
            case LineUp() | LineDown():
                self._line(event.route or "public", event)
            case SourceChanged():
                self._source(event)
            case SubscriptionRefused(subscription, error):
                self._began(subscription, "subscription refused", stream=str(subscription), said=error.text)
            case Confirmed(subscription):
                self._ended(subscription, "subscription accepted", stream=str(subscription))
            case VenueStatus():
                self._status("public", event)
            case FrameSkipped():
                self._skipped("public")
            case LevelChanged():
                self._level(event)
            case Diverged() | Reconverged():
                self._divergence(event)
            case StreamShareLow() | StreamShareRecovered():
                self._share(event)
            case LineSwitched() | LineRotated() | RotationPutOff():
                self._lines(event.route or "public", event)
            case ReaderLags() | ReaderCaughtUp():
                self._lag(event)
            case AlertChanged():
                self._alert(event)
            case CheckpointNotSaved(path, why):
                self._log.warning(
                    "checkpoint not kept" if why else "checkpoints are kept again", path=path, why=why
                )
            case Gap():
                _gap(self._log.warning, event)
            case InstrumentsChanged():
                pass  # a list of thousands, which the venue sends unasked
            case _:
                self._other(event)

    def account_event(self, event: AccountEvent) -> None:
        """Something has happened to the account, beside its orders."""
        match event:
            case LineUp() | LineDown():
                self._line("private", event)
            case VenueStatus():
                self._status("private", event)
            case LineSwitched() | LineRotated() | RotationPutOff():
                self._lines("private", event)
            case Diverged() | Reconverged():
                self._divergence(event)
            case AccountRefused():
                self._log.warning("the venue will not stream", channel=event.channel, said=str(event.error))
            case AccountGap():
                self._log.warning("the account's stream has a hole", channel=event.channel)
            case AccountDoubted(reason):
                self._log.warning("the account's stream is not proven", reason=reason)
            case CredentialRefused() | MarginCalled() | ProtectionMissing() | Booked() | PositionChanged():
                pass  # said by who found it out, or no trouble
            case ConfigurationChanged(problems=problems):
                self._configured(problems)
            case NotReconciled(reason, error):
                self._began("reconciled", "account not reconciled", reason=reason, error=error)
            case Reconciled(reason=reason, corrected=corrected):
                if corrected:
                    self._log.warning("account corrected", reason=reason, pieces=corrected)
                self._ended("reconciled", "account reconciled", reason=reason)
            case Mismatch(symbol, ours, theirs):
                self._log.warning("orders differ from the venue's", symbol=symbol, ours=ours, theirs=theirs)
            case BalanceDrift(drift):
                self._log.warning("balance differs from its bookings", drift=str(drift))
            case DeadManChanged(armed, why):
                self._log.warning("dead-man switch armed" if armed else "dead-man switch off", why=why)
            case OutlivesNot(client_id, symbol):
                told = "an order is meant to outlive us, and the dead-man switch would cancel it"
                self._log.warning(told, symbol=symbol, client_id=client_id)
            case PositionDrift() | ProtectionAnswered():
                self._other(event)

    def _configured(self, problems: Sequence[str]) -> None:
        """Who finds an account not as expected says so; that it is again is said here."""
        if problems:
            self._troubled.add("configuration")
        else:
            self._ended("configuration", "the account is as expected")

    # --- pairs ---

    def _began(self, key: object, what: str, **fields: Any) -> None:
        self._troubled.add(key)
        self._log.warning(what, **fields)

    def _ended(self, key: object, what: str, **fields: Any) -> None:
        """As loud as the begin where there was one, else by the way."""
        was = key in self._troubled
        self._troubled.discard(key)
        (self._log.warning if was else self._log.debug)(what, **fields)

    def _line(self, route: str, event: LineUp | LineDown) -> None:
        key = (route, event.line)
        if isinstance(event, LineDown):
            self._troubled.discard(f"{route} frames")
            if key not in self._troubled:
                self._began(key, "line down", route=route, line=event.line, reason=event.reason)
        else:
            self._ended(key, "line up", route=route, line=event.line)

    def _source(self, event: SourceChanged) -> None:
        fields = {
            "stream": event.stream,
            "source": event.source.value,
            "previous": event.previous.value,
            "cause": event.cause,
            "took_ms": round(event.took_ms, 1),
        }
        key = f"source of {event.stream}"
        if event.source is Source.STREAM:
            self._ended(key, "source changed", **fields)
        else:
            self._began(key, "source changed", **fields)

    def _status(self, route: str, event: VenueStatus) -> None:
        if self._modes.get(route, VenueMode.ONLINE) is not event.mode:
            self._log.warning("venue mode changed", route=route, mode=event.mode.value, said=event.text)
        self._modes[route] = event.mode

    def _skipped(self, route: str) -> None:
        """Once a connection: what is not understood comes in thousands, and is counted elsewhere."""
        if f"{route} frames" not in self._troubled:
            self._began(f"{route} frames", "message not understood", route=route)

    def _level(self, event: LevelChanged) -> None:
        self._log.warning(
            "level changed",
            now=event.level.name,
            previous=event.previous.name,
            reasons=list(event.reasons),
            forced=event.forced,
        )

    def _divergence(self, event: Diverged | Reconverged) -> None:
        where = f"{event.channel} {event.symbol}"
        if isinstance(event, Reconverged):
            self._log.warning("sources agree again", on=where, after_s=round(event.lasted_s, 3))
            return
        blamed = None if event.blamed is None else event.blamed.value
        self._log.warning(
            "sources disagree",
            on=where,
            what=event.what,
            ours=event.ours,
            theirs=event.theirs,
            pattern=event.pattern,
            blamed=blamed,
        )

    def _share(self, event: StreamShareLow | StreamShareRecovered) -> None:
        low = isinstance(event, StreamShareLow)
        what = "too few reads come from streams" if low else "enough reads come from streams again"
        self._log.warning(what, share=round(event.share, 3), window_s=event.window_s)

    def _lag(self, event: ReaderLags | ReaderCaughtUp) -> None:
        if isinstance(event, ReaderLags):
            self._log.warning("reader lags", reader=event.reader, lag_ms=round(event.lag_ms, 1))
        else:
            worst_ms, after_s = round(event.worst_ms, 1), round(event.lasted_s, 3)
            self._log.warning("reader caught up", reader=event.reader, worst_ms=worst_ms, after_s=after_s)

    def _alert(self, event: AlertChanged) -> None:
        say = self._log.error if event.severity == "critical" else self._log.warning
        if event.firing:
            say("alert", alert=event.alert, why=event.summary, cure=event.cure, value=event.value)
        else:
            say("alert is over", alert=event.alert, after_s=round(event.lasted_s, 3))

    # --- what has no counterpart ---

    def _lines(self, route: str, event: LineEvent) -> None:
        match event:
            case LineSwitched():
                self._log.warning(
                    "readers switched to another line",
                    route=route,
                    from_line=event.from_line,
                    to_line=event.to_line,
                    streams=event.streams,
                    reason=event.reason,
                    took_ms=round(event.took_ms, 1),
                )
            case LineRotated(line, took_s):
                self._log.info("line replaced in time", route=route, line=line, took_s=round(took_s, 3))
            case RotationPutOff(line, reason):
                self._log.info("line not replaced yet", route=route, line=line, reason=reason)

    def _other(self, event: Event | AccountEvent) -> None:
        """By the name of its type and its fields, so that a new kind of event is in the log of itself."""
        say = self._log.info if isinstance(event, CheckpointRestored) else self._log.warning
        fields = {name: _shown(part) for name, part in msgspec.structs.asdict(event).items()}
        say(_INNER_CAPITAL.sub(" ", type(event).__name__).lower(), **fields)


def _shown(part: object) -> object:
    """A field as a log has it: numbers short, what has a name by it, of many things the first."""
    match part:
        case float():
            return round(part, 3)
        case Enum():
            return part.value
        case tuple() if len(part) > _NAMED:
            return [*map(str, part[:_NAMED]), f"and {len(part) - _NAMED} more"]
        case tuple():
            return [*map(str, part)]
        case str() | int() | None:
            return part
    return str(part)


def _gap(warning: Say, gap: Gap) -> None:
    stream = f"{gap.channel.value} {gap.symbol}"
    if gap.until_ns is None:
        warning("gap", stream=stream, cause=gap.cause.value)
    else:
        missing = "unknown" if gap.missing is None else gap.missing
        warning("gap closed", stream=stream, cause=gap.cause.value, missing=missing, filled=gap.filled)
