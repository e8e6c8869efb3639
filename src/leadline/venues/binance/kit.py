"""Binance USDⓈ-M Futures as the application sees it: names, addresses, keys, and how its parts are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from leadline.clock import NS_PER_S, Clock
from leadline.core.breaker import Breaker
from leadline.core.cells import Cells
from leadline.core.limits import Allowance
from leadline.core.retry import ConnectBudget
from leadline.errors import AuthError, Error
from leadline.net.audit import Audit
from leadline.net.http import Http, Purpose, Terms
from leadline.net.key_state import KeyState
from leadline.venues.binance import order_form
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.endpoints import PRODUCTION, TESTNET, Endpoints
from leadline.venues.binance.limits import AddressLimits, OrderLimits
from leadline.venues.binance.refusals import code_of
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import VENUE
from leadline.venues.binance.venue import LIMITS, Binance
from leadline.venues.kit import ClockOffset, Fill, Keyed, Permission, RawAccount, Spent, Variable, Wire
from leadline.venues.ports import MarketData, Placement
from leadline.venues.raw_texts import RawTexts

_PLACES = {"production": PRODUCTION, "testnet": TESTNET}
_VARIABLES = {
    "production": ("BINANCE_API_KEY", "BINANCE_API_SECRET"),
    "testnet": ("BINANCE_TESTNET_API_KEY", "BINANCE_TESTNET_API_SECRET"),
}
_MADE_AT_SENDING = frozenset({"newClientOrderId", "clientAlgoId", "timestamp", "recvWindow"})

_NO_ORDER = "BTCUSDT:1"
"""Nobody has it; to ask for it takes the permission to read orders, at an eightieth of what a list weighs."""

_UNKNOWN_KEY = frozenset({-2008, -2014, -2015})
"""What a key is told that belongs to the other environment (dossier §1.2); -2015 has two more meanings."""
_NO_PERMISSION = -2015
_WRONG_SIGNATURE = -1022


class RawBinanceAccount(RawAccount, frozen=True):
    """An account of Binance as a settings file has it."""

    api_secret: str | None = None


@dataclass(frozen=True, slots=True)
class BinanceKey:
    """One HMAC key of Binance."""

    credentials: Credentials

    @property
    def api_key(self) -> str:
        return self.credentials.api_key

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.credentials.api_key, self.credentials.api_secret)


class BinanceKit:
    """Implements `VenueKit`."""

    name = VENUE
    title = "Binance USDⓈ-M Futures"
    contracts = True
    example = "BTC/USDT:USDT"
    routes: tuple[str, ...] = Binance.routes
    stream_probe: str | None = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
    limits = LIMITS
    environments: tuple[str, ...] = tuple(_PLACES)
    raw_account: type[RawAccount] = RawBinanceAccount
    variables: tuple[Variable, ...] = tuple(
        Variable(environment, field, name)
        for environment, names in _VARIABLES.items()
        for field, name in zip(("api_key", "api_secret"), names, strict=True)
    )
    dead_man_cancels = "every order in symbols with one of ours, but no conditional order,"
    streams_snapshots = False
    connection_life_s: float | None = 24 * 3600.0
    most_offset_s = 1.0
    """A request dated more than a second ahead of the venue is refused whatever its window (dossier §2.5);
    ours are dated by the venue's clock, so a larger offset only says that this machine's is wrong."""

    # --- addresses and budgets ---

    def endpoints(self, environment: str) -> Endpoints:
        """The venue's own addresses."""
        return _PLACES[environment]

    def emulated(self, address: str) -> Endpoints:
        """Where the local exchange has them."""
        ws = f"ws://{address}"
        return Endpoints(
            f"http://{address}",
            f"{ws}/public/stream",
            f"{ws}/market/stream",
            f"{ws}/private/stream",
            f"{ws}/ws-fapi/v1",
        )

    def market_address(self, endpoints: Endpoints, route: str) -> str:
        """Where the public streams of a route are."""
        return {"public": endpoints.ws_public, "market": endpoints.ws_market}[route]

    def account_address(self, endpoints: Endpoints) -> str:
        """Where the account's stream is."""
        return endpoints.ws_private

    def requests_address(self, endpoints: Endpoints) -> str | None:
        """Where the WebSocket API is."""
        return endpoints.ws_api

    def single_orders_address(self, endpoints: Endpoints) -> str | None:
        """None: single orders are not streamed."""
        return None

    def wrong_place(self, endpoints: Endpoints, environment: str) -> str:
        """What is wrong where an address belongs to another environment than the keys do."""
        for other, place in _PLACES.items():
            for field in dataclasses.fields(place):
                there = getattr(endpoints, field.name)
                if other != environment and there == getattr(place, field.name):
                    return (
                        f"it is {environment}, but the address {field.name} is that of {other}; a key works "
                        f"in one of them only: write environment: {other}, or leave out endpoints"
                    )
        return ""

    def budget(self, clock: Clock, shared: Cells) -> AddressLimits:
        """What the venue counts for one address of ours."""
        return AddressLimits(clock, shared)

    def terms(self, budget: AddressLimits) -> tuple[Allowance, Terms]:
        """The weight of a minute, and on which terms requests leave."""
        return budget.weight, budget.terms

    def connects(self) -> ConnectBudget:
        """A new budget of connects: the venue counts them by our address, 300 in five minutes (dossier §3).

        assumed: what is known of the spot venue counts here as well; four fifths of it are ours.
        """
        return ConnectBudget(most=240, most_unproven=80, window_s=300.0)

    # --- parts ---

    def key(self, raw: RawAccount, fill: Fill, environment: str) -> BinanceKey:
        """The key that a file means; raises ConfigError with all problems, and not a character of it."""
        assert isinstance(raw, RawBinanceAccount), "an account of another venue"
        found = RawTexts(fill)
        key_variable, secret_variable = _VARIABLES[environment]
        api_key = found.filled("api_key", raw.api_key, key_variable)
        api_secret = found.filled("api_secret", raw.api_secret, secret_variable)
        found.check()
        credentials = Credentials(api_key, api_secret)
        Signer(credentials)  # refuses a key that cannot be one
        return BinanceKey(credentials)

    def market(self, http: Http, clock: Clock, budget: AddressLimits) -> Binance:
        """Its market data over an Http port that knows the address, whose budget this is."""
        return Binance(http, clock, limits=budget)

    def account(
        self,
        key: BinanceKey,
        state: KeyState,
        wire: Wire,
        market: MarketData,
        clock: Clock,
        budget: AddressLimits,
    ) -> Keyed:
        """The ports of an account; nothing is sent yet. `state` has the counts of its orders, no nonces."""
        assert isinstance(market, Binance), "the market of another venue"
        return binance_account(key, state, wire, market, clock, budget)

    def wire_form(self, market: MarketData, placement: Placement) -> Sequence[tuple[str, str]]:
        """The order as it leaves, name by name."""
        assert isinstance(market, Binance), "the market of another venue"
        wire = market.symbols.wire(placement.sent.symbol)
        conditional = order_form.is_conditional(placement.sent)
        names = order_form.conditional(placement, wire) if conditional else order_form.order(placement, wire)
        return [(name, value) for name, value in names if name not in _MADE_AT_SENDING]

    # --- what `leadline doctor` looks at ---

    async def clock_offset(self, market: MarketData, clock: Clock) -> ClockOffset:
        """Our clock against the venue's, measured on the way there and back."""
        assert isinstance(market, Binance), "the market of another venue"
        await market.fetch_time_ns(Purpose.DIAGNOSIS)
        lower_ns, upper_ns = market.venue_time.bounds_ns(clock.mono_ns()) or (0, 0)
        ahead_ns = clock.wall_ns() - (lower_ns + upper_ns) / 2
        return ClockOffset(ahead_ns / NS_PER_S, (upper_ns - lower_ns) / 2 / NS_PER_S)

    def permissions(self, keyed: Keyed) -> Sequence[Permission]:
        """What an account's key must be allowed for the product to work."""
        account = keyed.account
        assert isinstance(account, BinanceAccount), "an account of another venue"
        return (
            Permission("read the account", lambda: account.fetch_balances(Purpose.DIAGNOSIS)),
            Permission("read orders", lambda: account.fetch_orders([_NO_ORDER], Purpose.DIAGNOSIS)),
            Permission("open the stream", account.key.get),
        )

    def lacks_permission(self, error: AuthError) -> bool:
        """False: the venue tells a key that may not and a key it does not know in the same words (-2015)."""
        return False

    def advice(self, error: Error, environment: str) -> str:
        """What to do about an error of a key."""
        code = code_of(error) if isinstance(error, AuthError) else None
        others = " and ".join(other for other in _PLACES if other != environment)
        if code in _UNKNOWN_KEY:
            more = (
                "; else see the key's permissions (Futures) and its list of allowed addresses"
                if code == _NO_PERMISSION
                else ""
            )
            return (
                f"the {environment} does not take the key: was it made for the {others}? Keys of one are "
                f"unknown to the other; set venues.binance.environment: {others}, or use a key made for the "
                f"{environment}{more}"
            )
        if code == _WRONG_SIGNATURE:
            return "the secret does not belong to this API key: copy both again"
        return "see the message; nothing was changed"


def binance_account(
    key: BinanceKey,
    state: KeyState,
    wire: Wire,
    market: Binance,
    clock: Clock,
    budget: AddressLimits,
    make: type[BinanceAccount] = BinanceAccount,
) -> Keyed:
    """The ports of an account of Binance, `make` of them."""
    breaker, audit, limits = Breaker(), Audit(clock), OrderLimits(budget, state)
    rest = SignedRest(wire, Signer(key.credentials), breaker, audit, market.venue_time, clock)
    account = make(rest, market.symbols, market.venue_time, limits, clock)

    def spent(now_ns: int) -> Spent:
        fullest = max(
            (limits.in_10_s, limits.a_minute), key=lambda window: window.level(now_ns) / window.limit
        )
        weight = budget.weight
        return Spent(weight.level(now_ns), weight.limit, fullest.level(now_ns), fullest.limit)

    return Keyed(account, breaker, audit, spent)


BINANCE = BinanceKit()
