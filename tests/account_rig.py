"""A Kraken account on virtual time: the test plays the venue, by REST and on the private stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from leadline.clock import NS_PER_S
from leadline.core.account_session import AccountNews
from leadline.core.breaker import Breaker
from leadline.core.limits import DecayingCounter
from leadline.core.nonce import Floor
from leadline.core.session import Send
from leadline.net.audit import Audit
from leadline.net.departures import Priority
from leadline.net.http import Purpose, Request, Response
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.net.keyed_http import KeyedHttp
from leadline.simulation.life import Life
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.kraken.account import KrakenAccount
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.limits import KeyLimits, Tier
from leadline.venues.kraken.private_rest import PrivateRest
from leadline.venues.kraken.symbols import AssetPair, SymbolTable
from private_frames import USDT, balances, executions, yes

WALL_NS = 1_790_000_000 * NS_PER_S
API_KEY = "canaryKEY".ljust(56, "k")
SECRET = "canarySECRET".ljust(86, "s") + "=="
TOKEN = "canaryTOKEN"

BTC = AssetPair(
    "XBTUSD", "XXBT", "ZUSD", 1, 8, "XBT/USD", Decimal("0.1"), Decimal("0.0001"), Decimal("0.5"), "online"
)

Reply = dict[str, Any] | list[Any] | str | Response | Exception


def virtual(work: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of a coroutine function, on time that passes only when all wait for it."""

    def test() -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(work())

    test.__name__, test.__doc__ = work.__name__, work.__doc__
    return test


def blockable(work: Callable[[VirtualLoop], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """The same for a program that can block its loop, which it is handed."""

    def test() -> None:
        loop = VirtualLoop()
        try:
            loop.run_until_complete(Life().start(loop, work(loop), work.__name__))
        finally:
            loop.close()

    test.__name__, test.__doc__ = work.__name__, work.__doc__
    return test


def result(value: Any) -> Response:
    return Response(200, (), json.dumps({"error": [], "result": value}).encode())


class Venue:
    """Plays REST: the replies to each endpoint in order, the last one for ever; `asked` is what came."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {"Time": [{"unixtime": WALL_NS // NS_PER_S}]}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer_s = 0.1

    def reply(self, name: str, *replies: Reply) -> None:
        """Values are results, texts are refusals, exceptions are raised."""
        self.replies[name] = list(replies)

    def names(self) -> list[str]:
        return [name for name, _ in self.asked]

    async def exchange(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        self.asked.append((name, _fields(request)))
        await asyncio.sleep(self.answer_s)
        replies = self.replies[name]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        match reply:
            case Exception():
                raise reply
            case str():
                return Response(200, (), json.dumps({"error": [reply]}).encode())
            case Response():
                return reply
            case _:
                return result(reply)

    async def send(
        self, request: Request, purpose: Purpose, priority: Priority = Priority.NORMAL
    ) -> Response:
        return await self.exchange(request)

    def exceeded(self) -> None:
        raise AssertionError("no public request is limited here")


def _fields(request: Request) -> dict[str, Any]:
    """The fields of a request, the nonce left out."""
    body = request.body.decode()
    fields = json.loads(body) if body.startswith("{") else {k: v[0] for k, v in parse_qs(body).items()}
    return {name: value for name, value in fields.items() if name != "nonce"}


class AccountRig:
    """An account with its session; the news it told, and the requests it put on the stream."""

    def __init__(self, floor: Floor | None = None, state: MemoryKeyState | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = LoopClock(loop, WALL_NS)
        self.venue = Venue()
        self.state = state or MemoryKeyState(MemoryKey())
        self.breaker = Breaker()
        self.audit = Audit(self.clock)
        self.budget = DecayingCounter(1e6, 1e6)
        self.http = KeyedHttp(
            self.venue,
            self.state,
            self.clock,
            self.budget,
            dict.fromkeys(Priority, 0.0),
            floor=floor,
            spacing_s=0.0,
        )
        self.rest = PrivateRest(
            self.http, Signer(Credentials(API_KEY, SECRET)), self.breaker, self.state, self.clock, self.audit
        )
        self.symbols = SymbolTable()
        self.symbols.load({"XXBTZUSD": BTC})
        self.limits = KeyLimits(self.state, Tier.STARTER)
        self.account = KrakenAccount(self.rest, self.venue, self.symbols, self.limits, self.clock)
        self.news: list[AccountNews] = []
        session = self.account.session(lambda news, now_ns: self.news.append(news))
        assert isinstance(session, KrakenAccountSession)
        self.session = session
        session.poke = self.poke
        self.account.carry(session)
        self.sent: list[dict[str, Any]] = []
        self._poked = asyncio.Event()
        self.venue.reply("GetWebSocketsToken", {"token": TOKEN, "expires": 900})

    def poke(self) -> None:
        self._poked.set()
        for output in self.session.outputs():
            assert isinstance(output, Send)
            self.sent.append(json.loads(output.text, parse_float=Decimal))

    def hear(self, *frames: str | dict[str, Any]) -> None:
        """The venue says this on the stream."""
        for frame in frames:
            text = json.dumps(frame) if isinstance(frame, dict) else frame
            self.session.received(text.encode(), self.clock.mono_ns())
        self.poke()

    async def live(self) -> None:
        """Connect the stream and hear both snapshots; what was sent until then is forgotten."""
        await self.account.authorise(self.session)
        self.session.opened(self.clock.mono_ns())
        self.poke()
        await asyncio.sleep(0.01)
        self.hear(*(yes(request) for request in self.sent))
        self.hear(executions(1, kind="snapshot"), balances(1, USDT, kind="snapshot"))
        self.sent.clear()
        self.venue.asked.clear()
        self.news.clear()

    async def asked(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many requests have been put on the stream."""
        while len(self.sent) < count:
            self._poked.clear()
            await self._poked.wait()
        await asyncio.sleep(0.01)
        return self.sent[:count]
