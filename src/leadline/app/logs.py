"""The log of a long-lived process: structlog over the standard logger, for people or as JSON lines.

Rule: the library configures nothing; only inside `logging_to` do its loggers write, and never a secret.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog

from leadline.app.settings import LogFormat, LogSettings, Settings
from leadline.clock import NS_PER_S, Clock
from leadline.net.audit import AUDIT_LOG, MASK, SECRET_NAMES
from leadline.net.capture import masked

LEADLINE = "leadline"
MOST_TEXT = 2000
"""Of one value of a line; the rest is cut off, and that is said."""

LEAST_SECRET = 6
"""Shorter texts are not looked for: they are in every other word."""

_SECRET_NAME = re.compile(r"key|secret|token|signature|password|otp|webhook", re.IGNORECASE)

Fields = MutableMapping[str, Any]
Say = Callable[..., None]


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every text of the settings that must be in no line."""
    found = [settings.alerts.webhook] if settings.alerts is not None else []
    for account in settings.accounts:
        found += account.key.secrets
    return tuple(text for text in found if text is not None and len(text) >= LEAST_SECRET)


class Masking:
    """Takes secrets out of every field of a line: by the field's name, by what is known, by their form."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted(secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, logger: Any, method: str, fields: Fields) -> Fields:
        return {name: self._field(str(name), value) for name, value in fields.items()}

    def _field(self, name: str, value: Any) -> Any:
        if name.lower() in SECRET_NAMES or _SECRET_NAME.search(name):
            return MASK
        return self._value(value)

    def _value(self, value: Any) -> Any:
        match value:
            case bool() | int() | float() | None:
                return value
            case Mapping():
                return {key: self._field(str(key), part) for key, part in value.items()}
            case list() | tuple():
                return [self._value(part) for part in value]
        text = masked(str(value))
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}… (cut)"


@contextmanager
def logging_to(stream: TextIO, settings: LogSettings, clock: Clock, secrets: Iterable[str]) -> Iterator[None]:
    """Write what all loggers of the process say to a stream, for the length of the block.

    Leadline's own from the level of the settings on, the audit of private operations at debug alone, those
    of other libraries from warning on.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(settings.format, stream.isatty(), clock, Masking(secrets)))
    root, ours, audit = logging.getLogger(), logging.getLogger(LEADLINE), logging.getLogger(AUDIT_LOG)
    before = [(logger, logger.level) for logger in (root, ours, audit)]
    level = getattr(logging, settings.level.upper())
    root.setLevel(logging.WARNING)
    ours.setLevel(level)
    audit.setLevel(logging.DEBUG if level <= logging.DEBUG else logging.WARNING)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, was in before:
            logger.setLevel(was)


def bound_logger() -> Any:
    """Leadline's logger with named fields: `log.warning("level changed", level=…, reasons=…)`."""
    return structlog.wrap_logger(
        logging.getLogger(LEADLINE),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        cache_logger_on_first_use=True,
    )


def _formatter(form: LogFormat, colours: bool, clock: Clock, masking: Masking) -> logging.Formatter:
    plain = structlog.dev.plain_traceback
    shown: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form is LogFormat.CONSOLE:
        shown = structlog.dev.ConsoleRenderer(
            colors=colours, pad_event_to=0, sort_keys=False, exception_formatter=plain
        )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # a traceback is a text like any other: it is masked too
            masking,
            structlog.stdlib.add_log_level,
            _Stamp(clock),
            shown,
        ]
    )


class _Stamp:
    """Puts the wall clock's time first, in UTC."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, logger: Any, method: str, fields: Fields) -> Fields:
        at = datetime.fromtimestamp(self._clock.wall_ns() / NS_PER_S, UTC)
        return {"timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z", **fields}
