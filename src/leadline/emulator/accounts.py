"""Who trades at the emulated venue: an account's credentials, orders, fills, balances and ledger.

Balances are integers of 10^-10 of the asset and change by ledger entries only: opening + Σ(amount − fee).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterable, Mapping

from leadline.emulator.counters import OrderCounter, RestCounter, Tier
from leadline.emulator.orders import AccountFill, AccountOrder, Execution, LedgerEntry

UNIT = 10**10
SPOT = "spot/main"
EARN = "earn/flexible"
DEMO = "demo"
PERMISSIONS = frozenset(
    {
        "funds-query", "orders-open-query", "orders-closed-query", "ledger-query",
        "orders-modify", "orders-cancel", "websocket",
    }
)  # fmt: skip
_KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DEMO_FUNDS = {"USD": 1_000_000, "EUR": 1_000_000, "USDT": 1_000_000, "BTC": 10, "ETH": 100}
_DEMO_FUNDS_ELSE = 10_000

News = Callable[[Execution | LedgerEntry], None]


class Ids:
    """Identifiers in the venue's form, out of one stream of chance (dossier §10.9)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new(self, kind: str) -> str:
        """The next id; `kind` is its first letter: O order, T trade or amend, L ledger entry."""
        text = "".join(self._rng.choices(_ID_ALPHABET, k=16))
        return f"{kind}{text[:5]}-{text[5:10]}-{text[10:]}"


class Account:
    """One user with one API key.

    `tier` decides the counters, `maker_bp` and `taker_bp` are fees in hundredths of a percent. Each of
    `listeners` is called with every execution and ledger entry, in engine order.
    """

    def __init__(self, name: str, rng: random.Random, tier: Tier, balances: Mapping[str, int]) -> None:
        self.name = name
        self.api_key = "".join(rng.choices(_KEY_ALPHABET, k=56))
        self.secret = base64.b64encode(rng.randbytes(64)).decode("ascii")
        self.tier: Tier = tier
        self.permissions: set[str] = set(PERMISSIONS)
        self.maker_bp = 25
        self.taker_bp = 40
        self.orders: dict[str, AccountOrder] = {}
        self.open_orders: dict[str, AccountOrder] = {}
        self.fills: list[AccountFill] = []
        self.ledger: list[LedgerEntry] = []
        self.opening: dict[tuple[str, str], int] = {(asset, SPOT): units for asset, units in balances.items()}
        self.balances: dict[tuple[str, str], int] = dict(self.opening)
        self.listeners: list[News] = []
        self.rest = RestCounter(tier)
        self.pairs: dict[str, OrderCounter] = {}
        self.armed_ns: int | None = None
        """When the dead-man timer cancels everything; None while it is disarmed."""
        self._held: dict[str, int] = {}
        self._holds: dict[str, tuple[str, int]] = {}
        self._by_cl_ord_id: dict[str, AccountOrder] = {}

    def set_tier(self, tier: Tier) -> None:
        """Move the account to another tier; the points on its counters stay."""
        self.tier = tier
        self.rest.set_tier(tier)
        for counter in self.pairs.values():
            counter.set_tier(tier)

    def counter(self, symbol: str) -> OrderCounter:
        """The order counter of a pair."""
        if symbol not in self.pairs:
            self.pairs[symbol] = OrderCounter(self.tier)
        return self.pairs[symbol]

    def by_cl_ord_id(self, cl_ord_id: str) -> AccountOrder | None:
        """The open order of that client id; ids may be used again after the close."""
        return self._by_cl_ord_id.get(cl_ord_id)

    def by_userref(self, userref: int) -> list[AccountOrder]:
        """The open orders of that tag, oldest first; the tag 0 is none."""
        if not userref:
            return []
        return [order for order in self.open_orders.values() if order.ticket.userref == userref]

    def open_of(self, symbol: str) -> int:
        """How many open orders there are in a pair."""
        return sum(order.ticket.symbol == symbol for order in self.open_orders.values())

    def balance(self, asset: str, wallet: str = SPOT) -> int:
        """What lies in a wallet, in 10^-10 of the asset."""
        return self.balances.get((asset, wallet), 0)

    def held(self, asset: str) -> int:
        """What open orders hold of the spot balance, in 10^-10 of the asset."""
        return self._held.get(asset, 0)

    def available(self, asset: str) -> int:
        """The spot balance that no open order holds."""
        return self.balance(asset) - self.held(asset)

    def hold(self, order: AccountOrder, asset: str, units: int) -> None:
        """Let an order hold that much, in place of what it held; 0 lets go."""
        _, before = self._holds.pop(order.order_id, (asset, 0))
        self._held[asset] = self._held.get(asset, 0) - before + units
        if units:
            self._holds[order.order_id] = (asset, units)

    def hold_of(self, order: AccountOrder, asset: str) -> int:
        """What an order holds of an asset now, in 10^-10."""
        held, units = self._holds.get(order.order_id, (asset, 0))
        return units if held == asset else 0

    def enter(self, order: AccountOrder) -> None:
        """Take a new order in."""
        self.orders[order.order_id] = order
        self.open_orders[order.order_id] = order
        if order.ticket.cl_ord_id is not None:
            self._by_cl_ord_id[order.ticket.cl_ord_id] = order

    def leave(self, order: AccountOrder, asset: str) -> None:
        """Note that an order is not open any more and let go what it held."""
        del self.open_orders[order.order_id]
        if order.ticket.cl_ord_id is not None:
            del self._by_cl_ord_id[order.ticket.cl_ord_id]
        self.hold(order, asset, 0)

    def post(
        self, ledger_id: str, ref_id: str, time_ns: int, kind: str, subtype: str, asset: str, wallet: str,
        amount: int, fee: int,
    ) -> LedgerEntry:  # fmt: skip
        """Enter a change of a balance: `amount` − `fee`, in 10^-10 of the asset."""
        balance = self.balance(asset, wallet) + amount - fee
        entry = LedgerEntry(ledger_id, ref_id, time_ns, kind, subtype, asset, wallet, amount, fee, balance)
        self.balances[asset, wallet] = balance
        self.ledger.append(entry)
        return entry

    def tell(self, news: Execution | LedgerEntry) -> None:
        """Hand news to every listener."""
        for listener in self.listeners:
            listener(news)


def demo_funds(assets: Iterable[str]) -> dict[str, int]:
    """Generous opening balances in 10^-10: of USD, EUR, USDT, BTC, ETH, and of whatever else is listed."""
    names = dict.fromkeys((*_DEMO_FUNDS, *assets))
    return {name: _DEMO_FUNDS.get(name, _DEMO_FUNDS_ELSE) * UNIT for name in names}
