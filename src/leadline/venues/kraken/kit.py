"""Kraken as the application sees it: its names, addresses and keys, and how its parts are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leadline.clock import NS_PER_S, Clock
from leadline.core.breaker import Breaker
from leadline.core.cells import Cells
from leadline.core.level3 import EmitLevel3
from leadline.core.limits import Allowance, Budget, SharedBudget, Standing
from leadline.core.nonce import Floor, nonce_floor
from leadline.core.retry import ConnectBudget
from leadline.errors import AuthError, Error
from leadline.net.audit import Audit
from leadline.net.http import Http, Purpose, Terms
from leadline.net.key_state import KeyState
from leadline.net.keyed_http import KeyedHttp
from leadline.venues.kit import (
    ClockOffset,
    Fill,
    Keyed,
    Permission,
    RawAccount,
    SingleOrders,
    Spent,
    Variable,
    Wire,
)
from leadline.venues.kraken.account import KrakenAccount
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.level3 import Level3Session
from leadline.venues.kraken.limits import REST_RESERVE, KeyLimits, Tier
from leadline.venues.kraken.order_wire import add_order
from leadline.venues.kraken.private_rest import PrivateRest
from leadline.venues.kraken.symbols import VENUE, SymbolTable
from leadline.venues.kraken.venue import LIMITS, Endpoints, Kraken
from leadline.venues.ports import MarketData, Placement
from leadline.venues.raw_texts import RawTexts

PRODUCTION = "production"
API_KEY, PRIVATE_KEY = "KRAKEN_API_KEY", "KRAKEN_PRIVATE_KEY"

PUBLIC_BUDGET = (8.0, 0.8)
"""Requests at once and per second: four fifths of about one a second (dossier §13.6).

assumed: a burst of ten passes; nobody has published the depth of Kraken's public bucket."""

_MADE_AT_SENDING = frozenset({"cl_ord_id", "order_userref", "deadline"})
_TIERS = {tier.name.lower(): tier for tier in Tier}
_MEANINGS = (
    ("EAPI:Invalid key", f"the venue does not know the key: check {API_KEY}, or api_key"),
    ("EAPI:Invalid signature", "the private key does not belong to this API key: copy both again"),
    (
        "EAPI:Invalid nonce",
        "another program uses the key with larger nonces: give each program a key of its own",
    ),
    ("EGeneral:Temporary lockout", "too many refused requests: wait a quarter of an hour"),
)


class RawKrakenAccount(RawAccount, frozen=True):
    """An account of Kraken as a settings file has it."""

    private_key: str | None = None
    otp: str | None = None
    nonce_floor: str | None = None
    tier: str = "intermediate"


@dataclass(frozen=True, slots=True)
class KrakenKey:
    """One key of Kraken; `tier` is a first guess at the account's that the venue corrects."""

    credentials: Credentials
    tier: Tier = Tier.INTERMEDIATE
    nonce_floor: Floor | None = None

    @property
    def api_key(self) -> str:
        return self.credentials.api_key

    @property
    def secrets(self) -> tuple[str, ...]:
        found = (self.credentials.api_key, self.credentials.secret, self.credentials.otp)
        return tuple(text for text in found if text is not None)


class KrakenKit:
    """Implements `VenueKit`."""

    name = VENUE
    title = "Kraken"
    contracts = False
    example = "BTC/USD"
    routes: tuple[str, ...] = Kraken.routes
    stream_probe: str | None = None
    limits = LIMITS
    environments: tuple[str, ...] = (PRODUCTION,)
    raw_account: type[RawAccount] = RawKrakenAccount
    variables: tuple[Variable, ...] = (
        Variable(PRODUCTION, "api_key", API_KEY),
        Variable(PRODUCTION, "private_key", PRIVATE_KEY),
    )
    dead_man_cancels = "every order of it"
    streams_snapshots = True
    connection_life_s: float | None = None
    most_offset_s = 5.0

    # --- addresses and budgets ---

    def endpoints(self, environment: str) -> Endpoints:
        """The venue's own addresses."""
        return Endpoints()

    def emulated(self, address: str) -> Endpoints:
        """Where the local exchange has them."""
        ws = f"ws://{address}"
        return Endpoints(f"{ws}/v2", f"{ws}/auth/v2", f"{ws}/level3/v2", f"http://{address}")

    def market_address(self, endpoints: Endpoints, route: str) -> str:
        """Where the public streams are."""
        return endpoints.ws_public

    def account_address(self, endpoints: Endpoints) -> str:
        """Where the account's stream is."""
        return endpoints.ws_private

    def requests_address(self, endpoints: Endpoints) -> str | None:
        """None: requests leave on the account's stream."""
        return None

    def single_orders_address(self, endpoints: Endpoints) -> str | None:
        """Where single orders are streamed."""
        return endpoints.ws_level3

    def wrong_place(self, endpoints: Endpoints, environment: str) -> str:
        """Nothing is: there is one environment."""
        return ""

    def budget(self, clock: Clock, shared: Cells) -> Budget:
        """The budget of public requests to one address."""
        return SharedBudget(shared.cell("public", Standing), *PUBLIC_BUDGET)

    def terms(self, budget: Budget) -> tuple[Allowance, Terms]:
        """What public requests spend, and on which terms they leave."""
        return budget, Terms()

    def connects(self) -> ConnectBudget:
        """A new budget of connects: the venue counts them by our address (dossier §3.5)."""
        return ConnectBudget()

    # --- parts ---

    def key(self, raw: RawAccount, fill: Fill, environment: str) -> KrakenKey:
        """The key that a file means; raises ConfigError with all problems, and not a character of it."""
        assert isinstance(raw, RawKrakenAccount), "an account of another venue"
        found = RawTexts(fill)
        api_key = found.filled("api_key", raw.api_key, API_KEY)
        private_key = found.filled("private_key", raw.private_key, PRIVATE_KEY)
        otp = None if raw.otp is None else found.filled("otp", raw.otp, "")
        tier, floor = _TIERS.get(raw.tier), None
        if tier is None:
            found.problems.append(f"tier: it is none of {', '.join(_TIERS)}")
        with found.collecting():
            floor = None if raw.nonce_floor is None else nonce_floor(raw.nonce_floor)
        found.check()
        credentials = Credentials(api_key, private_key, otp)
        Signer(credentials)  # refuses a key that cannot be one
        return KrakenKey(credentials, tier or Tier.INTERMEDIATE, floor)

    def market(self, http: Http, clock: Clock, budget: Budget) -> Kraken:
        """Its market data over an Http port that knows the address; the port keeps the budget."""
        return Kraken(http, clock)

    def account(
        self,
        key: KrakenKey,
        state: KeyState,
        wire: Wire,
        market: MarketData,
        clock: Clock,
        budget: Budget,
    ) -> Keyed:
        """The ports of an account over the open state of its key, which has a budget of its own there."""
        assert isinstance(market, Kraken), "the market of another venue"
        return kraken_account(key, state, wire, market.symbols, clock)

    def wire_form(self, market: MarketData, placement: Placement) -> Sequence[tuple[str, str]]:
        """The order as it leaves on the stream, name by name."""
        return [(name, value) for name, value in add_order(placement) if name not in _MADE_AT_SENDING]

    # --- what `leadline doctor` looks at ---

    async def clock_offset(self, market: MarketData, clock: Clock) -> ClockOffset:
        """Our clock against the venue's, which tells whole seconds: half of one is the best guess."""
        assert isinstance(market, Kraken), "the market of another venue"
        before_ns = clock.wall_ns()
        venue_ns = await market.fetch_time_ns(Purpose.DIAGNOSIS) + NS_PER_S // 2
        return ClockOffset(((before_ns + clock.wall_ns()) / 2 - venue_ns) / NS_PER_S, 0.5)

    def permissions(self, keyed: Keyed) -> Sequence[Permission]:
        """What an account's key must be allowed for the product to work."""
        account = keyed.account
        assert isinstance(account, KrakenAccount), "an account of another venue"
        return (
            Permission("query funds", lambda: account.fetch_balances(Purpose.DIAGNOSIS)),
            Permission("query open orders", lambda: account.fetch_open_orders(Purpose.DIAGNOSIS)),
            Permission("open the stream", account.fetch_token),
        )

    def lacks_permission(self, error: AuthError) -> bool:
        """Whether the venue knows the key and only forbids it this request."""
        return error.text.startswith("EGeneral:Permission denied")

    def advice(self, error: Error, environment: str) -> str:
        """What to do about an error of a key."""
        for text, cure in _MEANINGS:
            if str(error).startswith(text):
                return cure
        return "see the message; nothing was changed"


def kraken_account(
    key: KrakenKey,
    state: KeyState,
    wire: Wire,
    symbols: SymbolTable,
    clock: Clock,
    make: type[KrakenAccount] = KrakenAccount,
) -> Keyed:
    """The ports of an account of Kraken, `make` of them; raises ConfigError for a malformed key."""
    breaker, audit = Breaker(), Audit(clock)
    limits = KeyLimits(state, key.tier)
    http = KeyedHttp(wire, state, clock, limits.rest, REST_RESERVE, floor=key.nonce_floor)
    rest = PrivateRest(http, Signer(key.credentials), breaker, state, clock, audit)
    account = make(rest, wire, symbols, limits, clock)

    def spent(now_ns: int) -> Spent:
        most = limits.tier.value
        level = limits.rest.read(now_ns).level(now_ns)
        return Spent(level, most.rest_limit, limits.fullest(now_ns), most.order_limit)

    def single_orders(emit: EmitLevel3) -> SingleOrders:
        session = Level3Session(emit, symbols.get)

        async def authorise() -> None:
            session.authorise(await account.fetch_token(), clock.mono_ns())

        return SingleOrders(session, authorise)

    return Keyed(account, breaker, audit, spent, single_orders)


KRAKEN = KrakenKit()
