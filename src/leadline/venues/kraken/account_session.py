"""Kraken's private WebSocket v2, without the socket: news of one account in, its requests out.

A hole in a channel is told before what follows it, and mended by a new snapshot. Reports told while one is
awaited are true nevertheless: only their being complete is in doubt, so none of them is withheld.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from leadline.clock import NS_PER_S
from leadline.core.account_session import (
    AccountGap,
    AccountRefused,
    BalancesReported,
    CredentialRefused,
    EmitAccount,
    LedgerReported,
    OrdersReported,
    OrdersSnapshot,
)
from leadline.core.connection_life import SILENCE_NS, ConnectionLife
from leadline.core.session import LineDown, LineUp
from leadline.core.venue_time import VenueTime
from leadline.errors import ConnectFailed, RateLimited, VenueDown, VenueError
from leadline.venues.kraken import order_wire, reports, wire
from leadline.venues.kraken.account_channels import PrivateChannel, Step
from leadline.venues.kraken.answers import Answer, decode_answer, order_threshold
from leadline.venues.kraken.order_wire import Members
from leadline.venues.kraken.refusals import Retry, refusal
from leadline.venues.kraken.session import PING_NS, floor_after
from leadline.venues.kraken.wire import NOT_UNDERSTOOD

EXECUTIONS = "executions"
BALANCES = "balances"

_EXECUTIONS_OPTIONS = tuple(
    (name, "true") for name in ("snap_orders", "snap_trades", "order_status", "ratecounter")
)
_BALANCES_OPTIONS = (("snapshot", "true"),)

RENEWAL_NS = 5 * NS_PER_S
"""How long a refused credential may take to be renewed on the standing connection."""

RENEWALS_APART_NS = 4 * NS_PER_S
"""A credential refused again so soon waits so long for the next: each costs a point of the REST counter."""

_MASK = b"***"


class Waiter(Protocol):
    """Somebody who has asked the venue something and waits for the answers."""

    def answered(self, answer: Answer, now_ns: int) -> bool:
        """Take an answer; returns whether it was the last one."""

    def lost(self, reason: str) -> None:
        """No answer will come any more: the connection is gone."""


@dataclass(frozen=True, slots=True)
class _Asked:
    sent_ns: int
    credential: int
    waiter: Waiter | None = None
    channel: PrivateChannel | None = None


class KrakenAccountSession(ConnectionLife):
    """One private connection; implements `AccountSession`.

    `venue_time` learns from every answer. `limit_told` hears the threshold of the account's order counter.
    A credential must have been given with `authorise` before each connection is opened.
    """

    ping_every_ns = PING_NS

    def __init__(
        self,
        emit: EmitAccount,
        venue_time: VenueTime,
        limit_told: Callable[[int], None],
    ) -> None:
        super().__init__(emit)
        self._emit = emit
        self._venue_time = venue_time
        self._limit_told = limit_told
        self._reader = reports.ExecutionReader()
        self._executions = PrivateChannel(EXECUTIONS, _EXECUTIONS_OPTIONS)
        self._balances = PrivateChannel(BALANCES, _BALANCES_OPTIONS)
        self._channels = (self._executions, self._balances)
        self._asked: dict[int, _Asked] = {}
        self._last_request = 0
        self._last_ping: int | None = None
        self._token = ""
        self._credential = 0
        self.authorised_ns: int | None = None
        """When it was given its credential."""
        self.credential_used = False
        """Whether the venue has seen the present credential."""
        self._renewal_due_ns: int | None = None
        """When a renewal that was asked for is given up."""
        self._renewed_ns: int | None = None
        """When one was asked for last."""
        self._refusal: VenueError | None = None
        """Why the credential is no good, while the next renewal has to wait."""

    # What others want of it

    def ready(self, now_ns: int) -> bool:
        return (
            self._kept
            and self._renewal_due_ns is None
            and self._refusal is None
            and now_ns - self.last_frame_ns <= SILENCE_NS
            and self._executions.receiving
            and self._balances.receiving
        )

    def authorise(self, token: str, now_ns: int) -> None:
        """Use this credential from now on; what is subscribed with another one is subscribed anew."""
        self._token = token
        self._credential += 1
        self.authorised_ns, self.credential_used = now_ns, False
        self._renewal_due_ns = self._refusal = None
        if not self._open:
            return
        for channel in self._channels:
            channel.renew(now_ns)
            if channel.due_ns is None:
                channel.opened(now_ns)
        self._act(now_ns)

    def resubscribe(self, reason: str, now_ns: int) -> None:
        for channel in self._channels:
            channel.renew(now_ns)
        self._act(now_ns)

    def ask(self, method: str, params: Members, now_ns: int, waiter: Waiter) -> int:
        """Put a request on the stream and return its number.

        Raises ConnectFailed when there is no connection to put it on.
        """
        if not self._kept:
            raise ConnectFailed("the private stream is not connected")
        request_id = self._request(method, params)
        self._asked[request_id] = _Asked(now_ns, self._credential, waiter)
        return request_id

    @property
    def outstanding(self) -> int:
        return sum(one.waiter is not None for one in self._asked.values())

    def forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more."""
        self._asked.pop(request_id, None)

    def repeated(self, channel: str) -> int:
        """Messages of a channel that came twice and were dropped."""
        return next(one.repeated_count for one in self._channels if one.name == channel)

    # The contract of a session

    def opened(self, now_ns: int) -> None:
        self._begin(now_ns)
        self._renewal_due_ns = self._refusal = None
        for channel in self._channels:
            channel.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._act(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._end()
        asked, self._asked = self._asked, {}
        for channel in self._channels:
            channel.closed()
        self._emit(LineDown(reason), now_ns)
        for one in asked.values():
            if one.waiter:
                one.waiter.lost(reason)

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """An account's news is worth no less for being old; whether the line stands is asked at once."""
        if self._kept:
            self._ping(now_ns)

    def woke(self, now_ns: int) -> None:
        if not self._look(now_ns):
            return
        if self._renewal_due_ns is not None and now_ns >= self._renewal_due_ns:
            self._leave("the credential was refused and not renewed")
        else:
            if self._refusal is not None:
                self._credential_refused(self._refusal, now_ns)
            self._act(now_ns)

    def wake_at(self) -> int | None:
        channels_ns = (channel.due_ns for channel in self._channels)
        return self._look_at(self._renewal_due_ns, self._next_renewal_ns(), *channels_ns)

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        try:
            message = reports.decode(frame)
        except NOT_UNDERSTOOD as why:
            self._no_channel_frame(self._masked(frame), str(why), now_ns)
            return
        match message:
            case reports.ExecutionsFrame():
                self._heard_executions(message, frame, now_ns)
            case reports.BalancesFrame():
                self._heard_balances(message, frame, now_ns)
            case wire.StatusFrame():
                self._status(message, now_ns)
            case wire.HeartbeatFrame():
                pass  # it proves the line, and `last_frame_ns` has noted that already

    # News of the account

    def _heard_executions(self, message: reports.ExecutionsFrame, frame: bytes, now_ns: int) -> None:
        if not self._in_place(self._executions, message.type, message.sequence, frame, now_ns):
            return
        told, skipped = self._reader.read(message)
        for row in skipped:
            self._skip(row.row, row.why, now_ns)
        if message.type == "snapshot":
            self._emit(OrdersSnapshot(tuple(told)), now_ns)
        elif told:
            self._emit(OrdersReported(tuple(told)), now_ns)

    def _heard_balances(self, message: reports.BalancesFrame, frame: bytes, now_ns: int) -> None:
        if message.type == "snapshot":
            try:
                snapshot = reports.read_balances(message)
            except (*NOT_UNDERSTOOD, ValueError, ArithmeticError) as why:
                self._skip(frame, str(why), now_ns)  # the next one is asked for when this one is overdue
                return
            if self._in_place(self._balances, "snapshot", message.sequence, frame, now_ns):
                self._emit(BalancesReported(snapshot, self._balances.asked_ns), now_ns)
            return
        if not self._in_place(self._balances, "update", message.sequence, frame, now_ns):
            return
        entries, skipped = reports.read_bookings(message)
        for row in skipped:
            self._skip(row.row, row.why, now_ns)
        if entries:
            self._emit(LedgerReported(tuple(entries)), now_ns)

    def _in_place(
        self, channel: PrivateChannel, kind: wire.Kind, sequence: int, frame: bytes, now_ns: int
    ) -> bool:
        """Whether a message is to be told, after the hole before it, if there is one."""
        self.last_data_ns = now_ns
        if kind == "snapshot":
            if channel.begin(sequence, frame, now_ns):
                self.changed = True
                return True
            if channel.receiving and not channel.repeats(frame):
                self._hole(channel, "a snapshot came that nobody had asked for", now_ns)
            return False  # a new one is on its way and will tell all of this again
        expected = channel.expects()
        step = channel.step(sequence, frame, now_ns)
        if step is Step.BROKEN:
            self._hole(channel, f"message {sequence} came where {expected} was due", now_ns)
        return step is not Step.REPEATED

    def _hole(self, channel: PrivateChannel, reason: str, now_ns: int) -> None:
        since_ns = channel.heard_ns
        channel.renew(now_ns)
        self._act(now_ns)
        self._emit(AccountGap(channel.name, since_ns, reason), now_ns)

    def _status(self, message: wire.StatusFrame, now_ns: int) -> None:
        for status in wire.venue_statuses(message):
            self.retry_floor_s = floor_after(status.mode, self.retry_floor_s)
            self._emit(status, now_ns)

    # Answers

    def _no_channel_frame(self, frame: bytes, why: str, now_ns: int) -> None:
        try:
            answer = decode_answer(frame)
        except NOT_UNDERSTOOD:
            self._skip(frame, why, now_ns)
            for channel in self._channels:
                if channel.receiving and reports.channel_of(frame) == channel.name:
                    self._hole(channel, "a message was not understood", now_ns)
            return
        asked = self._asked.get(answer.req_id) if answer.req_id is not None else None
        if asked is None:
            if not answer.ok and answer.req_id is None:
                self._skip(frame, f"a refusal of nothing we asked for: {answer.error}", now_ns)
            return
        if times_ns := answer.times_ns:
            self._venue_time.sample(asked.sent_ns, now_ns, *times_ns)
        self._answered(asked, answer, now_ns)

    def _answered(self, asked: _Asked, answer: Answer, now_ns: int) -> None:
        assert answer.req_id is not None
        stale = not answer.ok and refusal(answer.error or "").retry is Retry.RENEWED
        if stale and asked.credential == self._credential:
            self._credential_refused(answer.refusal(0), now_ns)
        if asked.waiter is not None:
            if asked.waiter.answered(answer, now_ns):
                self._asked.pop(answer.req_id, None)
            return
        del self._asked[answer.req_id]
        if asked.channel is not None and asked.channel.request_id == answer.req_id:
            self._subscribed(asked.channel, answer, now_ns)

    def _subscribed(self, channel: PrivateChannel, answer: Answer, now_ns: int) -> None:
        if answer.ok:
            channel.confirmed(now_ns)
            self.changed = True
            threshold = order_threshold(answer)
            if threshold is not None:
                self._limit_told(threshold)
            return
        error = answer.refusal(0)
        if refusal(error.text).retry is Retry.RENEWED:
            channel.hold()
        elif isinstance(error, RateLimited | VenueDown) or error.text.startswith("Already subscribed"):
            channel.renew(now_ns, least_s=1.0)
        else:
            channel.refused()
            self._emit(AccountRefused(channel.name, error), now_ns)
        self._act(now_ns)

    def _credential_refused(self, error: VenueError, now_ns: int) -> None:
        """Have it renewed: at once, or some time after the renewal before."""
        if self._renewal_due_ns is not None or self._leaving:
            return
        self._refusal, self.changed = error, True
        due_ns = self._next_renewal_ns()
        if due_ns is not None and now_ns < due_ns:
            return
        self._refusal, self._renewed_ns = None, now_ns
        self._renewal_due_ns = now_ns + RENEWAL_NS
        self._emit(CredentialRefused(error), now_ns)

    def _next_renewal_ns(self) -> int | None:
        if self._refusal is None or self._renewed_ns is None:
            return None
        return self._renewed_ns + RENEWALS_APART_NS

    # Book-keeping

    def _act(self, now_ns: int) -> None:
        """Whatever is due: questions to ask, or leaving."""
        self.changed = True
        if not self._kept:
            return
        for channel in self._channels:
            if channel.timed_out(now_ns):
                self._leave(f"no snapshot of {channel.name}")
                return
            if channel.asks(now_ns):
                self._subscribe(channel, now_ns)

    def _subscribe(self, channel: PrivateChannel, now_ns: int) -> None:
        if channel.unsubscribe_first:
            request_id = self._request("unsubscribe", channel.named)
            self._asked[request_id] = _Asked(now_ns, self._credential)
        request_id = self._request("subscribe", channel.named + channel.options)
        self._asked[request_id] = _Asked(now_ns, self._credential, channel=channel)
        self.credential_used = True
        channel.sent(request_id, now_ns)

    def _request(self, method: str, params: Members) -> int:
        self._last_request += 1
        self._send(order_wire.frame(method, params, self._token, self._last_request))
        return self._last_request

    def _ping_text(self, now_ns: int) -> str:
        """`params` would be refused (dossier §3.3); the answer's times narrow the venue's clock down."""
        if self._last_ping is not None:
            self.forget(self._last_ping)
        self._last_request += 1
        self._last_ping = self._last_request
        self._asked[self._last_request] = _Asked(now_ns, self._credential)
        return f'{{"method":"ping","req_id":{self._last_request}}}'

    def _masked(self, frame: bytes) -> bytes:
        """A frame without the credential, however its slashes are written."""
        if self._token:
            for text in (self._token, self._token.replace("/", "\\/")):
                frame = frame.replace(text.encode(), _MASK)
        return frame

    def _skip(self, frame: bytes, why: str, now_ns: int) -> None:
        super()._skip(self._masked(frame), why, now_ns)
