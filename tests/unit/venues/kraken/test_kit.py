from __future__ import annotations

from decimal import Decimal

import pytest

from account_rig import API_KEY, BTC, SECRET
from leadline.clock import SystemClock
from leadline.core.limits import DecayingCounter
from leadline.core.nonce import Scale
from leadline.errors import AuthError, ConfigError, Error, VenueDown
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest
from leadline.net.http import MemoryHttp, Response
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KRAKEN, KrakenKey, RawKrakenAccount, kraken_account
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.symbols import SymbolTable
from leadline.venues.kraken.venue import Kraken
from leadline.venues.ports import Action, Placement


def test_a_key_is_read_with_what_belongs_to_it() -> None:
    raw = RawKrakenAccount(API_KEY, private_key=SECRET, otp="1", tier="pro", nonce_floor="nanoseconds")

    key = KRAKEN.key(raw, lambda text: text, "production")

    assert key == KrakenKey(Credentials(API_KEY, SECRET, "1"), Tier.PRO, Scale.NANOSECONDS)
    assert key.secrets == (API_KEY, SECRET, "1")
    assert API_KEY not in repr(key)


def test_all_that_is_wrong_with_a_key_is_told_at_once() -> None:
    raw = RawKrakenAccount(private_key=SECRET, tier="vip", nonce_floor="high")

    with pytest.raises(ConfigError) as caught:
        KRAKEN.key(raw, lambda text: text, "production")

    missing, tier, floor = caught.value.problems
    assert missing.startswith("missing api_key; write api_key: ${KRAKEN_API_KEY}")
    assert tier == "tier: it is none of starter, intermediate, pro"
    assert floor.startswith("nonce_floor: ")


def test_an_order_is_shown_as_it_leaves_but_for_what_is_made_then() -> None:
    request = OrderRequest(
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        qty=Decimal("0.010"),
        limit_price=Decimal(60000),
    )

    rows = dict(KRAKEN.wire_form(_market(), Placement("id", None, request, 10**18)))

    assert rows["order_qty"] == "0.010"
    assert not {"cl_ord_id", "deadline"} & rows.keys()


async def test_what_is_spent_is_that_of_the_key_and_of_its_fullest_pair() -> None:
    symbols, clock = SymbolTable(), SystemClock()
    symbols.load({"XXBTZUSD": BTC})
    key = KrakenKey(Credentials(API_KEY, SECRET), Tier.PRO)
    keyed = kraken_account(key, MemoryKeyState(MemoryKey()), _http(), symbols, clock)

    assert keyed.account.charge("BTC/USD", Action.ADD) == 0
    spent = keyed.spent(clock.mono_ns())

    assert (spent.requests, spent.requests_limit, spent.orders_limit) == (0, 20, 180)
    assert spent.orders == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (AuthError("EAPI:Invalid key"), "check KRAKEN_API_KEY"),
        (AuthError("EAPI:Invalid signature"), "does not belong to this API key"),
        (AuthError("EAPI:Invalid nonce"), "a key of its own"),
        (AuthError("EGeneral:Temporary lockout"), "wait a quarter of an hour"),
        (VenueDown("EService:Unavailable"), "see the message"),
    ],
)
def test_each_refusal_of_a_key_has_its_cure(error: Error, cure: str) -> None:
    assert cure in KRAKEN.advice(error, "production")


def test_a_permission_that_is_missing_is_told_from_a_key_that_is_unknown() -> None:
    assert KRAKEN.lacks_permission(AuthError("EGeneral:Permission denied"))
    assert not KRAKEN.lacks_permission(AuthError("EAPI:Invalid key"))


def _http() -> MemoryHttp:
    return MemoryHttp(lambda request: Response(200, (), b"{}"), SystemClock(), DecayingCounter(1, 1))


def _market() -> Kraken:
    return Kraken(_http(), SystemClock())
