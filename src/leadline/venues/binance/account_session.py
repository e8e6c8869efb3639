"""Binance's private stream, without the socket: news of one account, and the account as REST describes it.

The stream has no snapshots: one is asked for when a connection stands, and of each row the newer of both
counts. Reports of orders are told at once; only their being complete waits for the snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto

from msgspec.structs import replace

from leadline.clock import NS_PER_S
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    BalancesReported,
    ConfigurationReported,
    CredentialRefused,
    EmitAccount,
    LedgerReported,
    MarginCalled,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.session import FrameSkipped, LineDown, LineUp, Output, Reconnect, Send
from leadline.errors import AuthError
from leadline.model.account import AccountConfiguration
from leadline.model.order import OrderReport
from leadline.venues.binance import user_events
from leadline.venues.binance.account_wishes import AccountSnapshot, Wishes
from leadline.venues.binance.algo_orders import AlgoOrders, Joined
from leadline.venues.binance.algo_reports import algo_of_event
from leadline.venues.binance.announcements import Announcements
from leadline.venues.binance.holdings import Holdings
from leadline.venues.binance.reports import ALGO
from leadline.venues.binance.user_events import (
    NOT_UNDERSTOOD,
    AccountUpdate,
    AlgoUpdate,
    Answer,
    ConfigUpdate,
    KeyExpired,
    MarginCall,
    Names,
    OrderUpdate,
    TradeLite,
)

PING_NS = NS_PER_S
"""An idle account is told nothing: a question each second shows that the connection and its key stand."""

SILENCE_NS = 5 * NS_PER_S
ANSWER_NS = 5 * NS_PER_S
RENEWAL_NS = 5 * NS_PER_S
"""How long a refused key may take to be renewed on the standing connection."""

MOST_TEXT = 4096
_KEPT_FRAMES = 100

ORDERS = "executions"
BALANCES = "balances"


class _Stage(Enum):
    CLOSED = auto()
    ASKED = auto()  # the key is subscribed, the acknowledgement awaited
    WAITING = auto()  # acknowledged: news comes, the snapshot is awaited
    WHOLE = auto()  # everything since the snapshot has come
    REFUSED = auto()  # the key is no good any more
    LEAVING = auto()


class BinanceAccountSession:
    """One private connection; implements `AccountSession`.

    A key must have been given with `authorise` before each connection is opened; requests are never carried
    here. `wishes` brings the snapshots, `algos` knows of conditional orders what all connections know.
    """

    outstanding = 0
    """Requests have a connection of their own."""

    def __init__(self, emit: EmitAccount, names: Names, wishes: Wishes, algos: AlgoOrders) -> None:
        self.poke: Callable[[], None] = _nobody
        self.last_frame_ns = 0
        self.last_data_ns: int | None = None
        self.changed = False
        self.retry_floor_s = 0.0
        self.heard_ns = 0
        """When the venue last told anything of the account here, or the connection came to stand."""
        self.refused_key = ""
        """A key that the venue has called expired; empty while none was."""
        self.skipped: deque[FrameSkipped] = deque(maxlen=_KEPT_FRAMES)
        self.skipped_count = 0
        self._emit = emit
        self._names = names
        self._wishes = wishes
        self._joined = Joined(algos, names)
        self._matches = Announcements()
        self._orders = Announcements()
        self._holdings = Holdings(names)
        self._stage = _Stage.CLOSED
        self._key = ""
        self._used_key = ""
        self._outputs: list[Output] = []
        self._last_request = 0
        self._subscribing: int | None = None
        self._subscribed_ns: int | None = None
        self._ping_ns = 0
        self._due_ns: int | None = None
        """Until when the acknowledgement, or a new key, may take."""
        self._wished_ns = 0
        self._told_since: set[str] = set()
        """Orders of which there was news while a snapshot is on its way."""
        self._configuration: AccountConfiguration | None = None

    # What others want of it

    @property
    def open(self) -> bool:
        """Whether the connection stands and is not being left."""
        return self._stage not in (_Stage.CLOSED, _Stage.LEAVING)

    @property
    def key(self) -> str:
        """The key that this connection was opened with, or that the next one will be."""
        return self._used_key if self.open else self._key

    def ready(self, now_ns: int) -> bool:
        whole = self._stage is _Stage.WHOLE and now_ns - self.last_frame_ns <= SILENCE_NS
        return whole and self._served()

    def _served(self) -> bool:
        """Whether the venue is known to serve the key: it says so, or has told something since it did not."""
        doubted_ns = self._wishes.doubted_ns()
        return doubted_ns is None or doubted_ns < self.heard_ns

    def authorise(self, key: str, now_ns: int) -> None:
        """Use this key from the next connection on; one that stands with another is left."""
        self._key = key
        if self.open and self._used_key != key:
            self._leave("the key of the stream is another")

    def expect(self, wire: str, number: int, asked_ns: int, now_ns: int) -> None:
        """The venue has accepted an order that was asked for then: this connection must tell of it, where it
        was subscribed already, or it tells nothing at all."""
        if self._subscribed_ns is not None and self._subscribed_ns <= asked_ns:
            self._orders.announced(wire, number, now_ns)
            self.changed = True

    def doubted(self, reason: str, now_ns: int) -> None:
        """The venue does not say whether it still serves the key: nothing is known to be missed."""
        if self._stage is _Stage.WHOLE:
            self._emit(AccountDoubted(reason), now_ns)

    def superseded(self, since_ns: int, reason: str, now_ns: int) -> None:
        """The key of this connection has been replaced, and may have told nothing since then."""
        if not self.open:
            return
        if self._stage is not _Stage.REFUSED:  # that hole has been told
            self._hole(since_ns, f"the key of the stream was replaced: {reason}", now_ns)
        self._leave(f"the key of the stream was replaced: {reason}")

    def resubscribe(self, reason: str, now_ns: int) -> None:
        if self._stage is _Stage.WHOLE:
            self._stage = _Stage.WAITING
            self._wish(now_ns)

    # The contract of a session

    def opened(self, now_ns: int) -> None:
        self.last_frame_ns = self.heard_ns = now_ns
        self.last_data_ns = None
        self._ping_ns = now_ns + PING_NS
        self._outputs.clear()
        self._forget()
        self._stage, self._used_key = _Stage.ASKED, self._key
        self._due_ns = now_ns + ANSWER_NS
        self._wishes.stands(self)
        self._emit(LineUp(), now_ns)
        self._subscribing = self._send("SUBSCRIBE", f',"params":["{self._key}"]')

    def closed(self, reason: str, now_ns: int) -> None:
        self._stage = _Stage.CLOSED
        self._outputs.clear()
        self._forget()
        self._wishes.gone(self)
        self._emit(LineDown(reason), now_ns)

    def _forget(self) -> None:
        """Nothing that another connection has told counts on this one."""
        self._joined.drop()
        self._holdings.forget()
        self._told_since.clear()
        self._matches.forget()
        self._orders.forget()
        self._due_ns = self._subscribing = self._subscribed_ns = None

    def held_up(self, since_ns: int, now_ns: int) -> None:
        """An account's news is worth no less for being old; whether the line stands is asked at once."""
        if self.open:
            self._ping(now_ns)

    def woke(self, now_ns: int) -> None:
        if not self.open:
            return
        silent_ns = now_ns - self.last_frame_ns
        if silent_ns >= SILENCE_NS:
            self._leave(f"no frame for {silent_ns / NS_PER_S:.1f} s")
        elif self._due_ns is not None and now_ns >= self._due_ns:
            refused = self._stage is _Stage.REFUSED
            self._leave("the key was refused and not renewed" if refused else "no answer to the subscription")
        else:
            names, suspects = self._joined.overdue(now_ns)
            if names:
                self._wishes.question(self, names, suspects)
            self._miss(now_ns)
            if self.open and now_ns >= self._ping_ns:
                self._ping(now_ns)

    def wake_at(self) -> int | None:
        if not self.open:
            return None
        awaited_ns = (self._joined.due_ns, self._matches.due_ns, self._orders.due_ns)
        dues_ns = (*awaited_ns, self._due_ns, self.last_frame_ns + SILENCE_NS)
        return min(self._ping_ns, *(due_ns for due_ns in dues_ns if due_ns is not None))

    def outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        self.changed = False
        return outputs

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        try:
            message = user_events.decode(frame)
            if isinstance(message, Answer):
                self._answered(message, now_ns)
            else:
                self.last_data_ns = self.heard_ns = now_ns
                self._heard(message, now_ns)
        except NOT_UNDERSTOOD as why:
            self._skip(frame, str(why), now_ns)

    # Snapshots and other answers of REST

    def joined(self, names: Sequence[str], now_ns: int) -> None:
        """REST has told of every conditional order that may have placed these orders."""
        if self.open:
            self.changed = True
            self._tell_orders(self._joined.answered(names), now_ns)

    def snapshot(self, told: AccountSnapshot, now_ns: int) -> None:
        """The account as REST describes it; one asked for before this session wished for it says nothing."""
        if self._stage is not _Stage.WAITING or told.asked_ns < self._wished_ns:
            return
        self._wishes.fulfilled(self)
        self._stage, self.changed = _Stage.WHOLE, True
        orders = tuple(self._beside_the_news(report) for report in told.orders)
        self._told_since.clear()
        self._emit(OrdersSnapshot(orders, told.asked_ns), now_ns)
        self._tell_orders(self._joined.released(), now_ns)
        balances, positions = self._holdings.open(told.assets, told.positions, told.asked_ns)
        self._emit(BalancesReported(balances, told.asked_ns), now_ns)
        self._emit(PositionsReported(positions, True, told.asked_ns), now_ns)
        self.configured(told.configuration, now_ns)

    def configured(self, configuration: AccountConfiguration, now_ns: int) -> None:
        """How the account trades, read anew."""
        self._configuration = configuration
        if self._stage is _Stage.WHOLE:
            self._emit(ConfigurationReported(configuration), now_ns)

    def _wish(self, now_ns: int) -> None:
        self._wished_ns, self.changed = now_ns, True
        self._told_since.clear()
        self._wishes.snapshot(self)

    def _beside_the_news(self, report: OrderReport) -> OrderReport:
        """What a snapshot says of an order that the stream told of meanwhile: its values may be older."""
        if report.order_id not in self._told_since:
            return report
        return replace(report, qty=None, limit_price=None, trigger_price=None)

    # News

    def _heard(self, event: user_events.Event, now_ns: int) -> None:
        match event:
            case OrderUpdate(o=o):
                self._orders.reported(o.s, o.i)
                if o.t:
                    self._matches.reported(o.s, o.t)
                self._tell_orders(self._joined.order(o, now_ns), now_ns)
            case AlgoUpdate(o=o):
                self._orders.reported(ALGO, o.aid)
                self._tell_orders(self._joined.algo(algo_of_event(o, event.T)), now_ns)
            case TradeLite():
                self._matches.announced(event.s, event.t, now_ns)
                self.changed = True
            case AccountUpdate():
                self._account(event, now_ns)
            case ConfigUpdate():
                self._reconfigured(event, now_ns)
            case MarginCall(p=rows):
                called = tuple(user_events.called(row, event.E, self._names) for row in rows)
                self._emit(MarginCalled(called, user_events.total(row.mm for row in rows)), now_ns)
            case KeyExpired():
                self._expired(now_ns)

    def _tell_orders(self, reports: list[OrderReport], now_ns: int) -> None:
        if not reports:
            return
        self._told_since.update(report.order_id for report in reports)
        self._emit(OrdersReported(tuple(reports)), now_ns)

    def _account(self, event: AccountUpdate, now_ns: int) -> None:
        news = self._holdings.changed(event, now_ns)
        if self._stage is not _Stage.WHOLE:
            return  # the snapshot to come is held against it
        if news.entries:
            self._emit(LedgerReported(news.entries), now_ns)
        if news.positions:
            self._emit(PositionsReported(news.positions), now_ns)
            if self._configuration is not None and news.contradicts(self._configuration):
                self._wishes.reread()

    def _reconfigured(self, event: ConfigUpdate, now_ns: int) -> None:
        """No event tells the configuration whole: what it says counts at once, and all is read again."""
        known = self._configuration
        if known is not None:
            if event.ai is not None:
                known = replace(known, multi_assets=event.ai.j)
            if event.ac is not None:
                symbol, leverage = user_events.symbol_of(event.ac.s, self._names), event.ac.l
                symbols = tuple(
                    replace(each, leverage=leverage) if each.symbol == symbol else each
                    for each in known.symbols
                )
                known = replace(known, symbols=symbols)
            self.configured(known, now_ns)
        self._wishes.reread()

    def _expired(self, now_ns: int) -> None:
        """The venue tells nothing from now on: a new key, a new connection, a new snapshot."""
        if self._stage is _Stage.REFUSED:
            return
        self.refused_key = self._used_key
        self._hole(now_ns, "the key of the stream has expired", now_ns)
        self._stage, self._due_ns, self.changed = _Stage.REFUSED, now_ns + RENEWAL_NS, True
        self._wishes.fulfilled(self)
        self._emit(CredentialRefused(AuthError("listenKeyExpired")), now_ns)

    # Answers and the line

    def _answered(self, answer: Answer, now_ns: int) -> None:
        if answer.error:
            self._skip(answer.error.encode(), "the venue refuses a control message", now_ns)
            if answer.id == self._subscribing:
                self._leave("the subscription was refused")
        elif answer.id is not None and answer.id == self._subscribing:
            self._subscribing = self._due_ns = None
            self._subscribed_ns = now_ns
            self._stage = _Stage.WAITING
            self._wish(now_ns)
        elif self._carries(answer.result) is False:
            self._leave("the connection does not carry the account's stream any more")

    def _carries(self, streams: list[str] | None) -> bool | None:
        """Whether our stream is among those of the connection; None where that is not said."""
        subscribed = self._stage in (_Stage.WAITING, _Stage.WHOLE)
        return self._used_key in streams if subscribed and streams is not None else None

    def _miss(self, now_ns: int) -> None:
        since_ns = self._matches.missing(now_ns)
        if since_ns is not None and self._stage is _Stage.WHOLE:
            self._hole(since_ns, "a match was announced, and its report did not come", now_ns)
            self.resubscribe("a report is missing", now_ns)
        since_ns = self._orders.missing(now_ns)
        if since_ns is not None:
            self._hole(since_ns, "an order was accepted, and the stream did not tell of it", now_ns)
            self._leave("the stream tells nothing of an order that was accepted")

    def _hole(self, since_ns: int, reason: str, now_ns: int) -> None:
        for channel in (ORDERS, BALANCES):
            self._emit(AccountGap(channel, since_ns, reason), now_ns)

    def _ping(self, now_ns: int) -> None:
        self._ping_ns = now_ns + PING_NS
        self._send("LIST_SUBSCRIPTIONS", "")

    def _send(self, method: str, params: str) -> int:
        self._last_request += 1
        self._outputs.append(Send(f'{{"method":"{method}"{params},"id":{self._last_request}}}'))
        self.changed = True
        return self._last_request

    def _leave(self, reason: str) -> None:
        if self.open:
            self._stage, self.changed = _Stage.LEAVING, True
            self._wishes.fulfilled(self)
            self._outputs.append(Reconnect(reason))

    def _skip(self, frame: bytes, why: str, now_ns: int) -> None:
        self.skipped_count += 1
        shown = user_events.masked(frame, self._used_key)[:MOST_TEXT]
        why = user_events.masked(why.encode(), self._used_key).decode(errors="replace")[:MOST_TEXT]
        news = FrameSkipped(shown, why)
        self.skipped.append(news)
        self._emit(news, now_ns)


def _nobody() -> None:
    """Nobody drives it yet."""
