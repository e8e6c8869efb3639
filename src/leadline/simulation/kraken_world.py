"""The world of a run at Kraken: its pairs, who trades and reads there, and who judges its account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from leadline.app.account_settings import MAIN, AccountSettings
from leadline.app.authorised import Connect
from leadline.app.system import System
from leadline.clock import NS_PER_S
from leadline.core.cells import MemoryCells
from leadline.core.limits import SharedBudget, Standing
from leadline.emulator.accounts import EARN, SPOT, UNIT
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.wire import Answer, Frame
from leadline.engine.feed import Feed
from leadline.model.market import Channel, Subscription
from leadline.net.http import Request
from leadline.net.key_state import KeyState
from leadline.simulation.evidence import Evidence
from leadline.simulation.judge import Judge
from leadline.simulation.kraken_account_judge import KrakenAccountJudge
from leadline.simulation.kraken_readers import REFUSED, KrakenReaders
from leadline.simulation.kraken_texts import KRAKEN_TEXTS
from leadline.simulation.kraken_weather import KRAKEN
from leadline.simulation.latency import LONGEST_ONE_WAY_NS
from leadline.simulation.line_judge import LineJudge
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import PRIVATE, Arrival
from leadline.simulation.plants import KrakenPlant
from leadline.simulation.readers import Readers
from leadline.simulation.refusals import Refusals
from leadline.simulation.report import NOT_LIVE, Findings, Report
from leadline.simulation.scene import Scene, Seed, Side
from leadline.simulation.strikes import Strike
from leadline.simulation.trader import Trader
from leadline.simulation.truth import Truth
from leadline.simulation.weather import forecast
from leadline.simulation.world import EXCUSED_S, START_NS, World
from leadline.venues.kit import Keyed
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import PUBLIC_BUDGET, KrakenKey, kraken_account
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.symbols import VENUE

RATE = 7.0
"""Market events a second over all pairs."""

_PAIRS = {pair.symbol: pair for pair in DEMO_PAIRS}
PAIRS: tuple[Pair, ...] = (
    replace(_PAIRS["BTC/USD"], levels=60),
    replace(_PAIRS["ETH/USD"], levels=50),
    replace(_PAIRS["XRP/USD"], levels=30),
    replace(_PAIRS["PEPE/USD"], levels=30),
    replace(_PAIRS["LTC/USD"], levels=40),
    replace(_PAIRS["EURQ/USD"], weight=0.04),
    replace(_PAIRS["DOT/USD"], levels=20, weight=0.5),
)
"""One is illiquid and has fewer than ten levels, one has nine decimals, one is refused to its reader."""

DEPTHS = {"BTC/USD": 25, "ETH/USD": 25, "LTC/USD": 25}

REQUIRED = (
    *(Subscription(Channel.TICKER, symbol) for symbol in ("BTC/USD", "ETH/USD", "XRP/USD")),
    Subscription(Channel.BOOK, "BTC/USD", 10),
    Subscription(Channel.BOOK, "XRP/USD", 10),
)
"""What the service level is judged by."""

CHANGING = frozenset({"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"})
CHANGING_METHODS = frozenset({"add_order", "batch_add", "amend_order", "edit_order"})
HOLDING = frozenset({"HALF_OPEN", "SUB_RATE"})

REFUSAL_S = 1.0


class KrakenWorld(World):
    """Everything of one run at Kraken."""

    venue = VENUE
    required = REQUIRED
    refused = REFUSED
    plant: KrakenPlant

    def __init__(self, seed: Seed, loop: VirtualLoop, findings: Findings, folder: Path) -> None:
        exchange = Exchange(start_ns=START_NS, seed=seed.number, rate=RATE, pairs=PAIRS, history_minutes=30)
        self.exchange = exchange
        market, demo = exchange.market, exchange.trading.demo
        demo.set_tier("pro")
        _own_what_is_listed(exchange)
        names = {listing.pair.rest_id: symbol for symbol, listing in market.listings.items()}
        scene = Scene(
            exchange,
            exchange.budget,
            Truth(market, DEPTHS, START_NS),
            Evidence(names),
            KRAKEN_TEXTS,
            lambda: bool(demo.open_orders),
        )
        super().__init__(seed, loop, findings, folder, scene, Judge, LineJudge)
        key = KrakenKey(Credentials(demo.api_key, demo.secret), Tier.PRO)
        self.key = key
        self.spent = MemoryCells()
        """What a machine keeps of what is spent at the address, while programs on it come and go."""
        self.settings = AccountSettings(MAIN, key)
        self.account_judge: KrakenAccountJudge = KrakenAccountJudge(
            demo, market, loop, findings, self.judge.trace
        )
        self.refusals = Refusals(exchange, loop, findings)
        self.strikes = forecast(self.luck("weather"), self.total_s, list(market.listings), KRAKEN)

    # --- the client's side ---

    def side(self, number: int) -> Side:
        budget = SharedBudget(self.spent.cell("public", Standing), *PUBLIC_BUDGET)
        wire = self.wire(f"client/{number}", budget)
        market = self.plant.venue(wire, self.clock)

        def ports(state: KeyState) -> Keyed:
            return kraken_account(self.key, state, wire, market.symbols, self.clock, self.plant.ports)

        return Side(market, ports)

    def ways(self) -> dict[str, Connect]:
        return {"public": self.network.connect}

    def readers(self, feed: Feed, number: int) -> Readers:
        seed = f"{self.seed}/{number}"
        return KrakenReaders(feed, self.judge, self.loop, self.clock, seed, self.alarms.came)

    def trader(self, system: System, number: int) -> Trader:
        trader = Trader(system, self.clock, self.luck(f"trader/{number}"), self.replay_judge.promised)
        trader.pardon_ns = self.pardon_ns
        return trader

    async def early(self, readers: Readers) -> None:
        """A symbol that the venue refuses is an error to its caller, soon."""
        fields = {"kind": "SUB_REJECT", "symbol": REFUSED, "for_s": 10.0}
        self.exchange.inject(fields, self.network.venue_ns)
        took_s = await readers.refused(REFUSED)
        within_s = REFUSAL_S + 2 * LONGEST_ONE_WAY_NS / NS_PER_S
        if took_s is None or took_s > within_s:
            seen, true = f"refusal told after {took_s} s", f"within {within_s} s"
            self.findings.add(NOT_LIVE, REFUSED, seen, true, self.loop.now_ns)

    # --- the run ---

    def put(self, strike: Strike) -> None:
        fields, now_ns = dict(strike.fields), self.network.venue_ns
        if fields["kind"] == "INSTRUMENT":
            pair = self.exchange.market.listings[fields["symbol"]].pair
            fields["price_precision"] = min(10, pair.price_precision + 1)
            fields["qty_precision"] = min(10, pair.qty_precision + 1)
        self.exchange.inject(fields, now_ns)
        if fields["kind"] in HOLDING:
            self.excuse(strike.lasts_s + EXCUSED_S)
        elif "burn" in fields:
            self.excuse(fields["burn"] / (2.34 if "symbol" in fields else 0.5) + EXCUSED_S)
        if fields["kind"] == "INSTRUMENT":
            self.truth.note(fields["symbol"], now_ns)

    def excuse(self, for_s: float) -> None:
        self.refusals.excuse(for_s)

    def reveal(self) -> None:
        trading, now_ns = self.exchange.trading, self.network.venue_ns
        self.exchange.advance(now_ns)
        trading.transfer(trading.demo, "USD", SPOT, EARN, UNIT, now_ns)

    def told(self) -> Report:
        demo = self.exchange.trading.demo
        return Report(
            orders=len(demo.orders),
            fills=len(demo.fills),
            refused_by_fault=self.refusals.by_fault,
        )

    # --- what the taps hear ---

    def arrived(self, arrival: Arrival) -> None:
        if arrival.route == PRIVATE:
            assert self.client is not None
            self.account_judge.arrived(arrival, self.client.ready)
        super().arrived(arrival)

    def gone(self, link: int) -> None:
        super().gone(link)
        self.account_judge.gone(link)

    def departing(self, request: Request) -> None:
        self.refusals.departing(request)
        super().departing(request)
        if request.path.rsplit("/", 1)[-1] in CHANGING:
            self.level_judge.placing(f"{request.path} {request.body.decode()}")

    def departing_text(self, text: str) -> None:
        super().departing_text(text)
        if any(f'"method":"{method}"' in text for method in CHANGING_METHODS):
            self.level_judge.placing(text)

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        self.refusals.answering(request, answer)
        super().answering(request, answer)

    def said(self, frame: Frame) -> None:
        self.refusals.said(frame)


def _own_what_is_listed(exchange: Exchange) -> None:
    """Leave the demo account nothing of which no pair here tells the names."""
    pairs = [listing.pair for listing in exchange.market.listings.values()]
    listed = {asset for pair in pairs for asset in (pair.base, pair.quote)}
    demo = exchange.trading.demo
    for asset, wallet in list(demo.balances):
        if asset not in listed:
            del demo.balances[asset, wallet]
