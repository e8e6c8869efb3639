"""The connection of the WebSocket API (dossier §13): requests out, each answer to whoever asked.

Rule: nothing is sent twice and no answer is guessed; with the connection every wait ends. News of the account
does not come here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.session import FrameSkipped, Output, Reconnect, Send
from leadline.core.venue_time import VenueTime
from leadline.errors import ConnectFailed, RateLimited
from leadline.venues.binance.auth import Signer
from leadline.venues.binance.order_form import Params
from leadline.venues.binance.refusals import MOST_TEXT, refusal, told_wait_s
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.binance.timing import Moment

PING_NS = 5 * NS_PER_S
"""The time is asked for so often: it proves the line and keeps the venue's clock known, for a weight of 1."""

SILENCE_NS = 12 * NS_PER_S
"""Two of those without an answer, and the line is taken to be dead."""

LIFE_NS = 86_000 * NS_PER_S
"""The venue cuts a connection after 24 h; left a little before, when nothing waits for an answer."""

HANDSHAKE_WEIGHT = 5.0
_TIME_WEIGHT = 1.0

_INTEGERS = frozenset({"orderId", "algoId", "goodTillDate"})
"""Parameters that are JSON integers; all others are texts."""
_KEPT_FRAMES = 100


class ApiError(Struct):
    """Why a request was refused."""

    code: int | None = None
    msg: str = ""


class ApiAnswer(Struct, rename={"rate_limits": "rateLimits"}):
    """One answer as it came; `status` means what it does in HTTP."""

    status: int
    id: int | str | None = None
    result: Raw = Raw(b"null")
    error: ApiError | None = None
    rate_limits: list[RateLimitRow] = []

    @property
    def ok(self) -> bool:
        """Whether the venue took the request."""
        return self.status == 200 and self.error is None


class Waiter(Protocol):
    """Somebody who has asked something and waits for the answer."""

    def answered(self, answer: ApiAnswer, now_ns: int) -> bool:
        """Take the answer; returns whether it was the last one."""

    def lost(self, reason: str) -> None:
        """No answer will come any more: the connection is gone."""


@dataclass(frozen=True, slots=True)
class _Asked:
    sent_ns: int
    waiter: Waiter | None
    """None for our own question about the time."""


class Counts(Protocol):
    """Who counts what the venue counts."""

    def spend(self, points: float, now_ns: int) -> None:
        """A request of this weight leaves."""

    def told(self, rows: list[RateLimitRow], sent_ns: int, now_ns: int) -> None:
        """The venue's own counts, as of a request sent then."""

    def pause_s(self, now_ns: int) -> float:
        """Seconds until a request may leave, whatever it weighs; 0 while the venue takes them."""

    def refused(self, retry_s: float | None, now_ns: int) -> None:
        """The venue refuses our address, for so long."""


class WsApiSession:
    """One connection to the WebSocket API; implements `Session`. Signs every request with an HMAC key."""

    def __init__(self, signer: Signer, venue_time: VenueTime, counts: Counts) -> None:
        self.poke: Callable[[], None] = _nobody
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.changed = False
        self.retry_floor_s = 0.0
        self.skipped: deque[FrameSkipped] = deque(maxlen=_KEPT_FRAMES)
        """Frames that were not understood, or answer nothing that was asked."""
        self.skipped_count = 0
        self._signer = signer
        self._venue_time = venue_time
        self._counts = counts
        self._open = False
        self._leaving = False
        self._proven = False
        self._opened_ns = 0
        self._ping_ns = 0
        self._resumes_ns = 0
        """Until when nothing could be asked: silence is judged from here on."""
        self._asked: dict[int, _Asked] = {}
        self._last_request = 0
        self._outputs: list[Output] = []

    # What others want of it

    def ready(self, now_ns: int) -> bool:
        """Whether a request can leave: connected, its first question answered, not silent, not refused."""
        return (
            self._open
            and not self._leaving
            and self._proven
            and now_ns - self._heard_ns <= SILENCE_NS
            and self._venue_time.known
            and not self._counts.pause_s(now_ns)
        )

    @property
    def _heard_ns(self) -> int:
        """When it was last heard, or could not be asked."""
        return max(self.last_frame_ns, self._resumes_ns)

    def ask(
        self, method: str, params: Params, moment: Moment | None, weight: float, now_ns: int, waiter: Waiter
    ) -> int:
        """Put a request on the connection, signed where it has a moment, and return its number.

        Raises ConnectFailed when there is none to put it on.
        """
        if not self.ready(now_ns):
            raise ConnectFailed("the connection that carries requests is not up")
        named: dict[str, str | int] = {
            name: int(value) if name in _INTEGERS else value for name, value in params
        }
        if moment is None:
            return self._send(method, self._signer.ws_keyed(named), weight, now_ns, waiter)
        named |= {"recvWindow": moment.window_ms, "timestamp": moment.at_ms}
        return self._send(method, self._signer.ws(named), weight, now_ns, waiter)

    @property
    def outstanding(self) -> int:
        """Requests that still wait for their answer."""
        return sum(one.waiter is not None for one in self._asked.values())

    def forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more."""
        self._asked.pop(request_id, None)

    # The contract of a session

    def opened(self, now_ns: int) -> None:
        self._open, self._leaving, self._proven = True, False, False
        self.last_frame_ns = self._opened_ns = now_ns
        self.last_data_ns = None
        self._outputs.clear()
        self._counts.spend(HANDSHAKE_WEIGHT, now_ns)
        if not self._paused(now_ns):
            self._ping(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._open = False
        self.retry_floor_s = self._counts.pause_s(now_ns)
        self._outputs.clear()
        asked, self._asked = self._asked, {}
        for one in asked.values():
            if one.waiter is not None:
                one.waiter.lost(reason)

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """An answer is worth no less for being old; whether the line stands is asked at once."""
        if self._open and not self._leaving and not self._paused(now_ns):
            self._ping(now_ns)

    def woke(self, now_ns: int) -> None:
        if not self._open or self._leaving:
            return
        silent_ns = now_ns - self._heard_ns
        if self._paused(now_ns):
            return
        if silent_ns >= SILENCE_NS:
            self._leave(f"no frame for {silent_ns / NS_PER_S:.1f} s")
        elif now_ns - self._opened_ns >= LIFE_NS and not self.outstanding:
            self._leave("the venue cuts connections after 24 hours")
        elif now_ns >= self._ping_ns:
            self._ping(now_ns)

    def wake_at(self) -> int | None:
        if not self._open or self._leaving:
            return None
        return min(self._heard_ns + SILENCE_NS, self._ping_ns)

    def outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        self.changed = False
        return outputs

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = self.last_data_ns = now_ns
        try:
            answer = _answers.decode(frame)
        except msgspec.MsgspecError as why:
            self._skip(frame, str(why))
            return
        asked = self._asked.get(answer.id) if isinstance(answer.id, int) else None
        if asked is None:
            self._skip(frame, "it answers nothing that waits for an answer")
            return
        self._counts.told(answer.rate_limits, asked.sent_ns, now_ns)
        if asked.waiter is None:
            self._time_told(answer, asked.sent_ns, now_ns)
        elif not asked.waiter.answered(answer, now_ns):
            return
        assert isinstance(answer.id, int)
        self.forget(answer.id)

    # Book-keeping

    def _time_told(self, answer: ApiAnswer, sent_ns: int, now_ns: int) -> None:
        try:
            venue_ns = _times.decode(answer.result).server_time * NS_PER_MS
        except msgspec.MsgspecError:
            told = answer.error or ApiError()
            known_ns = self._venue_time.now_ns(now_ns)
            venue_ms = None if known_ns is None else known_ns // NS_PER_MS
            error = refusal(told.code, answer.status, told.msg, venue_ms=venue_ms)
            if isinstance(error, RateLimited):
                self._counts.refused(told_wait_s(answer.status, told.msg, venue_ms), now_ns)
            else:
                self._leave(f"it does not tell the time: {error}")
            return
        self._venue_time.sample(sent_ns, now_ns, venue_ns, venue_ns, NS_PER_MS)
        self._proven = self.changed = True

    def _paused(self, now_ns: int) -> bool:
        """Whether not even the time may be asked now: what is sent all the same prolongs a ban (§3.3)."""
        pause_ns = round(self._counts.pause_s(now_ns) * NS_PER_S)
        if pause_ns:
            self._resumes_ns = self._ping_ns = now_ns + pause_ns
        return bool(pause_ns)

    def _ping(self, now_ns: int) -> None:
        self._ping_ns = now_ns + PING_NS
        for number in [number for number, one in self._asked.items() if one.waiter is None]:
            self.forget(number)
        self._send("time", {}, _TIME_WEIGHT, now_ns, None)

    def _send(
        self, method: str, params: dict[str, str | int], weight: float, now_ns: int, waiter: Waiter | None
    ) -> int:
        self._last_request += 1
        request = {"id": self._last_request, "method": method, "params": params}
        self._counts.spend(weight, now_ns)
        self._outputs.append(Send(msgspec.json.encode(request).decode()))
        self._asked[self._last_request] = _Asked(now_ns, waiter)
        self.changed = True
        return self._last_request

    def _leave(self, reason: str) -> None:
        self._leaving = self.changed = True
        self._outputs.append(Reconnect(reason))

    def _skip(self, frame: bytes, why: str) -> None:
        self.skipped_count += 1
        self.skipped.append(FrameSkipped(frame[:MOST_TEXT], why[:MOST_TEXT]))


class _Time(Struct, rename="camel"):
    server_time: int


_answers: msgspec.json.Decoder[ApiAnswer] = msgspec.json.Decoder(ApiAnswer)
_times: msgspec.json.Decoder[_Time] = msgspec.json.Decoder(_Time)


def _nobody() -> None:
    """Nobody drives it yet."""
