"""The audit of private operations: when, why, with what, how it ended, how long it took.

Rule: parameters come masked already, and what could be a key, token or signature is masked once more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from leadline.clock import NS_PER_MS, Clock
from leadline.net.capture import masked as masked_text
from leadline.net.http import Purpose

AUDIT_LOG = "leadline.audit"
MASK = "***"
SECRET_NAMES = frozenset({"api-key", "api-sign", "api_key", "nonce", "otp", "private_key", "secret", "token"})
"""Parameters whose value is never written down; a nonce is no secret but helps nobody."""

_KEPT = 1000
_MOST_TEXT = 500

_log = logging.getLogger(AUDIT_LOG)


@dataclass(frozen=True, slots=True)
class Operation:
    """One private operation, as it went."""

    wall_ns: int
    name: str
    path: str
    purpose: Purpose
    parameters: tuple[tuple[str, str], ...]
    outcome: str
    latency_ns: int

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.parameters)
        latency_ms = self.latency_ns / NS_PER_MS
        what = f"{self.name} by {self.path} for {self.purpose.value}"
        return f"{what}: {self.outcome} ({latency_ms:.1f} ms) {told}".rstrip()


class Audit:
    """Keeps the newest thousand operations and logs every one as `leadline.audit` at INFO."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.operations: deque[Operation] = deque(maxlen=_KEPT)
        self.count = 0

    def record(
        self,
        name: str,
        path: str,
        purpose: Purpose,
        parameters: Iterable[tuple[str, str]],
        outcome: str,
        began_ns: int,
    ) -> None:
        """An operation that began then (monotonic) has ended so; `outcome` is "ok" or the error's text."""
        latency_ns = self._clock.mono_ns() - began_ns
        operation = Operation(
            wall_ns=self._clock.wall_ns(),
            name=name,
            path=path,
            purpose=purpose,
            parameters=tuple(masked(parameters)),
            outcome=outcome[:_MOST_TEXT],
            latency_ns=latency_ns,
        )
        self.operations.append(operation)
        self.count += 1
        _log.info("%s", operation)


def masked(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters with every value masked that is secret, by its name or by the `token` inside it."""
    return [
        (name, MASK if name.lower() in SECRET_NAMES else masked_text(value)[:_MOST_TEXT])
        for name, value in parameters
    ]
