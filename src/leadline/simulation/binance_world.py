"""The world of a run at Binance: its contracts, who trades and reads there, and who judges its account."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path

from leadline.app.account_settings import MAIN, AccountSettings
from leadline.app.authorised import Connect
from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.cells import MemoryCells
from leadline.core.retry import ConnectBudget
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.targets import MARKET, PUBLIC
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer, Frame
from leadline.engine.feed import Feed
from leadline.model.market import Channel, Subscription
from leadline.net.http import Request
from leadline.net.key_state import KeyState
from leadline.simulation.alarms import HARMLESS
from leadline.simulation.binance_account_judge import BinanceAccountJudge
from leadline.simulation.binance_evidence import BinanceEvidence
from leadline.simulation.binance_judge import BinanceJudge
from leadline.simulation.binance_line_judge import BinanceLineJudge
from leadline.simulation.binance_others import OTHERS, Others
from leadline.simulation.binance_plants import BinancePlant
from leadline.simulation.binance_readers import BTC, DEEP, ETH, LTC, XRP, BinanceReaders
from leadline.simulation.binance_refusals import BinanceRefusals
from leadline.simulation.binance_texts import BINANCE_TEXTS, CHANGING_METHODS, changes
from leadline.simulation.binance_trader import BinanceTrader
from leadline.simulation.binance_truth import BinanceTruth
from leadline.simulation.binance_weather import BINANCE
from leadline.simulation.client import Client
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.readers import Readers
from leadline.simulation.report import Findings, Report
from leadline.simulation.scene import Scene, Seed, Side
from leadline.simulation.strikes import Strike
from leadline.simulation.weather import forecast
from leadline.simulation.world import EXCUSED_S, START_NS, World
from leadline.venues.binance.auth import Credentials
from leadline.venues.binance.kit import BINANCE as KIT
from leadline.venues.binance.kit import BinanceKey, binance_account
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.session import PROMPT
from leadline.venues.binance.symbols import VENUE
from leadline.venues.kit import Keyed

RATE = 10.0
"""Market events a second over all contracts."""

_CONTRACTS = {one.symbol: one for one in DEMO_CONTRACTS}


def _listed(symbol: str, levels: int, weight: float) -> Contract:
    one = _CONTRACTS[symbol]
    return replace(one, pair=replace(one.pair, levels=levels, weight=weight))


CONTRACTS: tuple[Contract, ...] = (
    _listed("BTCUSDT", 60, 9.0),
    _listed("ETHUSDT", 50, 3.0),
    _listed("XRPUSDT", 30, 2.0),
    _listed("1000PEPEUSDT", 30, 1.0),
    _listed("LTCUSDT", 560, 0.7),
    _listed("币安人生USDT", 8, 0.1),
)
"""One is deeper than a snapshot, one is illiquid and has a name that is not ASCII."""

DEPTHS_MS = (100, 250, 500)
"""How often a client may want changes of depth; the longer, the more snapshots fall into the midst of one."""

DEPTHS = {BTC: 20, ETH: 20, LTC: DEEP}

REQUIRED = (
    *(Subscription(Channel.TICKER, symbol) for symbol in (BTC, ETH, XRP)),
    Subscription(Channel.BOOK, BTC, 10),
    Subscription(Channel.BOOK, XRP, 10),
)
"""What the service level is judged by."""

HEDGE_SHARE, ISOLATED_SHARE = 0.3, 0.3
SLOW_TAIL_NS = 3 * NS_PER_S
"""So long after the network was slow, what it had held up may still come."""

MINUTE_S = 60.0

UNSPOKEN_S = 60.0
"""So much longer a stream that need not speak may be taken for one without news: the market has to change,
and REST to be asked again, before anybody can know better."""


class BinanceWorld(World):
    """Everything of one run at Binance."""

    venue = VENUE
    required = REQUIRED
    mute_channels = frozenset(Channel) - PROMPT
    most_connects = (300, 300.0)
    harmless = HARMLESS - {"DUP"}  # a change told twice breaks the chain of ids
    plant: BinancePlant
    judge: BinanceJudge

    def __init__(self, seed: Seed, loop: VirtualLoop, findings: Findings, folder: Path) -> None:
        exchange = BinanceExchange(
            start_ns=START_NS, seed=seed.number, rate=RATE, contracts=CONTRACTS, history_minutes=30
        )
        self.exchange = exchange
        truth = BinanceTruth(exchange, DEPTHS, START_NS)
        self.names = truth.names
        demo = exchange.trading.demo
        evidence = BinanceEvidence(truth.names)
        scene = Scene(
            exchange, exchange.budget, truth, evidence, BINANCE_TEXTS, lambda: bool(demo.open_orders)
        )
        line_judge = partial(BinanceLineJudge, evidence)
        super().__init__(seed, loop, findings, folder, scene, BinanceJudge, line_judge)
        self._configure(demo, self.luck("configuration"))
        self.key = BinanceKey(Credentials(demo.api_key, demo.secret))
        self.spent = MemoryCells()
        """What a machine keeps of what is spent at the address, while programs on it come and go."""
        self.settings = AccountSettings(MAIN, self.key)
        self.account_judge: BinanceAccountJudge = BinanceAccountJudge(
            demo, exchange.market, truth.names, loop, findings, self.judge.trace
        )
        self.strikes = forecast(self.luck("weather"), self.total_s, list(truth.symbols), BINANCE)
        self.depth_ms = self.luck("depth").choice(DEPTHS_MS)
        self.others = Others(exchange)
        self.refusals = BinanceRefusals(self._slow, loop, findings)

    def _configure(self, demo: Account, luck: random.Random) -> None:
        """How the account trades, drawn by chance."""
        demo.hedge = self.hedge = luck.random() < HEDGE_SHARE
        for contract in CONTRACTS:
            demo.setting(contract.symbol).isolated = luck.random() < ISOLATED_SHARE

    def _slow(self) -> bool:
        """Whether the network carries everything slowly now, or did of late."""
        lately_ns = self.loop.now_ns - SLOW_TAIL_NS
        return lately_ns < max(self.network.latency.bad_until_ns, self.network.void_until_ns)

    # --- the client's side ---

    def side(self, number: int) -> Side:
        limits = AddressLimits(self.clock, self.spent)
        wire = self.wire(f"client/{number}", limits.weight, limits.terms)
        market = self.plant.venue(wire, self.clock, self.depth_ms, limits)

        def ports(state: KeyState) -> Keyed:
            return binance_account(self.key, state, wire, market, self.clock, limits, self.plant.ports)

        return Side(market, ports)

    def connects(self) -> ConnectBudget:
        return KIT.connects()

    def ways(self) -> dict[str, Connect]:
        connect = self.network.connect
        return {"public": partial(connect, PUBLIC), "market": partial(connect, MARKET)}

    def readers(self, feed: Feed, number: int) -> Readers:
        seed = f"{self.seed}/{number}"
        return BinanceReaders(feed, self.judge, self.loop, self.clock, seed, self.alarms.came)

    def trader(self, system: System, number: int) -> BinanceTrader:
        luck = self.luck(f"trader/{number}")
        judge, promised = self.account_judge, self.replay_judge.promised
        trader = BinanceTrader(
            system, self.clock, luck, promised, judge.waiting, judge.swept, hedge=self.hedge
        )
        trader.pardon_ns = self.pardon_ns
        return trader

    def look(self, client: Client) -> None:
        super().look(client)
        trading = self.exchange.trading
        self.account_judge.look_at_stream(trading.streams.keys.of(trading.demo), client.ready())

    async def settle(self, system: System) -> None:
        await super().settle(system)
        positions = await system.desk.positions.all()
        self.account_judge.settle_positions(positions.value)
        self.account_judge.settle_configuration(system.desk.configuration.known)
        self.judge.settle()
        trading = self.exchange.trading
        self.account_judge.settle_stream(trading.streams.keys.of(trading.demo))

    async def early(self, readers: Readers) -> None:
        """Nothing: the venue acknowledges what it does not know and stays silent."""

    # --- the run ---

    @property
    def banned_until_ns(self) -> int:
        return max(super().banned_until_ns, self.exchange.weights.banned_until_ns)

    def put(self, strike: Strike) -> None:
        if strike.fields["kind"] in OTHERS:
            self.others.act(strike.fields, self.network.venue_ns)
            return
        self.exchange.inject(strike.fields, self.network.venue_ns)
        if strike.fields["kind"] == "ACK_NO_DATA":
            self.alarms.struck(replace(strike, lasts_s=strike.lasts_s + UNSPOKEN_S))
        if "burn" in strike.fields:
            self.excuse(MINUTE_S + EXCUSED_S)

    def excuse(self, for_s: float) -> None:
        self.refusals.excuse(for_s)

    def reveal(self) -> None:
        """Nothing: an account here is told whole again after every doubt."""

    def told(self) -> Report:
        demo = self.exchange.trading.demo
        return Report(
            orders=len(demo.orders) + len(demo.algo_orders),
            fills=len(demo.trades),
            refused_by_fault=self.refusals.by_fault,
        )

    # --- what the taps hear ---

    def arrived(self, arrival: Arrival) -> None:
        frame = arrival.frame
        known = replace(frame, symbol=self.names.get(frame.symbol, frame.symbol))
        super().arrived(replace(arrival, frame=known))

    def departing(self, request: Request) -> None:
        super().departing(request)
        self.refusals.departing(request)
        if changes(request):
            self.level_judge.placing(f"{request.path} {request.body.decode()}")

    def departing_text(self, text: str) -> None:
        super().departing_text(text)
        self.refusals.departing_text(text)
        if any(f'"method":"{method}"' in text for method in CHANGING_METHODS):
            self.level_judge.placing(text)

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        super().answering(request, answer)
        self.refusals.answering(request, answer)

    def said(self, frame: Frame) -> None:
        self.refusals.said(frame)
