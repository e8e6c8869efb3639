"""Each change of an alert to one address: in order, once, and again only where nobody can have heard it.

Rule: the address is a secret (who knows it can write there), so no message of ours has more than its host.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import NoReturn

import msgspec
from msgspec import Struct
from yarl import URL

from leadline.clock import Clock
from leadline.core.alerting import Change
from leadline.core.retry import Backoff, Randomness
from leadline.errors import ConnectFailed, ConnectionLost, Error
from leadline.net.http import TOO_MANY_REQUESTS, Exchange, Request

MOST_WAITING = 1000
"""Changes that wait for the address to be reachable; at the bound the oldest is dropped and logged."""

_LOST_TRIES = 2  # an answer that got lost may hide a delivery: once more under the same id, then no more

_log = logging.getLogger("leadline")


class Message(Struct, frozen=True, kw_only=True):
    """What is posted, as JSON; `id` is the same however often it is sent. `at_ns` is Unix time."""

    id: str
    alert: str
    rule: str
    labels: dict[str, str]
    state: str
    severity: str
    summary: str
    cure: str
    value: float
    at_ns: int
    lasted_s: float


def message_of(change: Change, run: str, clock: Clock) -> Message:
    """A change in the words of the webhook; `run` tells this run's changes from another's."""
    return Message(
        id=f"{run}-{change.number}",
        alert=change.alert,
        rule=change.rule.name,
        labels=dict(change.labels),
        state="firing" if change.firing else "resolved",
        severity=change.rule.severity,
        summary=change.rule.summary,
        cure=change.rule.cure,
        value=change.value,
        at_ns=clock.wall_ns() - (clock.mono_ns() - change.at_ns),
        lasted_s=change.lasted_s,
    )


def address_of(url: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """The base of an address, its path, and its query."""
    parsed = URL(url)
    return str(parsed.origin()), parsed.raw_path or "/", tuple(parsed.query.items())


class Webhook:
    """Delivers changes through an exchange with the address's host."""

    def __init__(self, url: str, exchange: Exchange, clock: Clock, chance: Randomness) -> None:
        self._base, self._path, self._query = address_of(url)
        self._exchange = exchange
        self._clock = clock
        self._chance = chance
        self._run = f"{clock.wall_ns():x}"
        self._waiting: deque[Message] = deque()
        self._something = asyncio.Event()
        self.delivered = 0
        self.dropped = 0
        """Changes that were not delivered: refused, or pushed out at the bound."""

    def put(self, change: Change) -> None:
        """Deliver this, after all that came before it."""
        if len(self._waiting) >= MOST_WAITING:
            self._drop(self._waiting.popleft(), f"{MOST_WAITING} others wait already")
        self._waiting.append(message_of(change, self._run, self._clock))
        self._something.set()

    async def run(self) -> NoReturn:
        """Deliver until cancelled."""
        while True:
            while not self._waiting:
                self._something.clear()
                await self._something.wait()
            await self._deliver(self._waiting.popleft())

    async def _deliver(self, message: Message) -> None:
        backoff, lost = Backoff(self._chance), 0
        while True:
            try:
                why = await self._post(message)
            except ConnectFailed as error:
                why = self._told(error)
            except ConnectionLost as error:
                lost += 1
                why = self._told(error)
                if lost >= _LOST_TRIES:
                    self._drop(message, "its answer was lost twice; it may have arrived")
                    return
            except Error as error:
                self._drop(message, self._told(error))
                return
            if why is None:
                self.delivered += 1
                return
            if backoff.attempt == 0:
                _log.warning("the webhook is tried again: %s", why)
            await self._clock.sleep(backoff.next_delay_s())

    async def _post(self, message: Message) -> str | None:
        """Send it once; why it should be sent again, None when it was taken. Raises Error when refused."""
        response = await self._exchange.exchange(
            Request(
                "POST",
                self._path,
                self._query,
                headers=(("Content-Type", "application/json"),),
                body=msgspec.json.encode(message),
            )
        )
        if response.status < 300:
            return None
        told = f"{URL(self._base).host} answered HTTP {response.status}"
        if response.status >= 500 or response.status == TOO_MANY_REQUESTS:
            return told
        raise Error(f"{told}; look at alerts.webhook in the configuration")

    def _told(self, error: Error) -> str:
        """What an error says, unless it says more of the address than its host."""
        secrets = (self._path, URL(self._path).path, *(value for _, value in self._query))
        if any(secret.strip("/") and secret in str(error) for secret in secrets):
            return f"{URL(self._base).host}: {type(error).__name__}"
        return str(error)

    def _drop(self, message: Message, why: str) -> None:
        self.dropped += 1
        _log.error("the webhook did not get %s (%s): %s", message.alert, message.state, why)

    def __repr__(self) -> str:
        return f"Webhook({URL(self._base).host}, {self.delivered} delivered, {len(self._waiting)} waiting)"
