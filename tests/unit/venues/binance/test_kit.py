from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from leadline.app.opening import client_of, market_of, ports_of
from leadline.clock import SystemClock
from leadline.errors import AuthError, ConfigError
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, Trigger
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.binance.auth import Credentials
from leadline.venues.binance.endpoints import PRODUCTION, TESTNET
from leadline.venues.binance.kit import BINANCE, BinanceKey, RawBinanceAccount
from leadline.venues.ports import Action, Placement
from served_binance import served_binance

KEY, SECRET = "k" * 64, "s" * 64


def test_a_key_is_read_and_shown_nowhere() -> None:
    key = BINANCE.key(RawBinanceAccount(KEY, api_secret=SECRET), lambda text: text, "production")

    assert key == BinanceKey(Credentials(KEY, SECRET))
    assert (key.api_key, key.secrets) == (KEY, (KEY, SECRET))
    assert KEY not in repr(key)


@pytest.mark.parametrize(
    ("environment", "variable"),
    [("production", "BINANCE_API_KEY"), ("testnet", "BINANCE_TESTNET_API_KEY")],
)
def test_a_missing_key_names_the_variable_of_its_environment(environment: str, variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BINANCE.key(RawBinanceAccount(api_secret=SECRET), lambda text: text, environment)

    assert caught.value.problems == (
        f"missing api_key; write api_key: ${{{variable}}} and set that variable",
    )


def test_a_key_of_another_kind_is_named() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI\n-----END PRIVATE KEY-----"

    with pytest.raises(ConfigError, match="is an Ed25519 key: Leadline signs with HMAC keys"):
        BINANCE.key(RawBinanceAccount(KEY, api_secret=pem), lambda text: text, "production")


@pytest.mark.parametrize(
    ("environment", "endpoints", "field", "other"),
    [
        ("testnet", PRODUCTION, "rest", "production"),
        ("production", replace(PRODUCTION, ws_api=TESTNET.ws_api), "ws_api", "testnet"),
    ],
)
def test_an_address_of_the_other_environment_is_found(
    environment: str, endpoints: object, field: str, other: str
) -> None:
    wrong = BINANCE.wrong_place(endpoints, environment)  # type: ignore[arg-type]

    assert wrong.startswith(f"it is {environment}, but the address {field} is that of {other}")
    assert f"write environment: {other}" in wrong


@pytest.mark.parametrize(
    ("error", "environment", "cures"),
    [
        (AuthError("-2008 Invalid Api-Key ID."), "testnet", ("made for the production",)),
        (AuthError("-2014 API-key format invalid."), "production", ("environment: testnet",)),
        (AuthError("-2015 Invalid API-key, IP, or permissions"), "production", ("testnet", "permissions")),
        (AuthError("-1022 Signature for this request"), "production", ("secret does not belong",)),
        (AuthError("something else"), "production", ("see the message",)),
    ],
)
def test_a_refused_key_is_explained(error: AuthError, environment: str, cures: tuple[str, ...]) -> None:
    advice = BINANCE.advice(error, environment)

    assert all(cure in advice for cure in cures)


async def test_the_clock_is_measured_within_the_way_there_and_back(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        clock = SystemClock()
        async with client_of(venue.settings, clock) as http:
            offset = await BINANCE.clock_offset(market_of(venue.settings, http, clock), clock)

    assert abs(offset.ahead_s) <= offset.within_s < 1


async def test_an_order_is_shown_as_it_leaves_by_its_kind(tmp_path: Path) -> None:
    bid = OrderRequest(
        symbol="BTC/USDT:USDT", side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal("0.010"),
        limit_price=Decimal(60000),
    )  # fmt: skip
    stop = OrderRequest(
        symbol="BTC/USDT:USDT", side=Side.SELL, kind=OrderKind.STOP_LOSS, qty=Decimal("0.010"),
        trigger=Trigger(Decimal(50000)),
    )  # fmt: skip
    async with served_binance(tmp_path) as venue:
        clock = SystemClock()
        async with client_of(venue.settings, clock) as http:
            market = market_of(venue.settings, http, clock)
            await market.load()
            shown = [
                dict(BINANCE.wire_form(market, Placement("id", None, one, 10**18))) for one in (bid, stop)
            ]

    assert (shown[0]["symbol"], shown[0]["type"], shown[0]["quantity"]) == ("BTCUSDT", "LIMIT", "0.01")
    assert shown[1]["algoType"] == "CONDITIONAL"
    assert not {"newClientOrderId", "clientAlgoId", "timestamp"} & (shown[0].keys() | shown[1].keys())


async def test_what_is_spent_is_the_weight_of_the_address_and_the_fuller_order_window(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        clock = SystemClock()
        async with client_of(venue.settings, clock) as http:
            market = market_of(venue.settings, http, clock)
            keyed = ports_of(venue.settings, "main", http, market, clock)(MemoryKeyState(MemoryKey()))
            await market.load()
            assert keyed.account.charge("BTC/USDT:USDT", Action.ADD) == 0
            spent = keyed.spent(clock.mono_ns())

    assert spent.requests >= 1
    assert (spent.requests_limit, spent.orders, spent.orders_limit) == (1920, 1, 240)


def test_several_cuts_in_a_row_leave_connects_for_the_account() -> None:
    """Each costs eight: two lines of two routes, of the account and of its requests."""
    budget = BINANCE.connects()
    for cut in range(9):
        for _ in range(8):
            budget.spend(cut)

    assert budget.most == 240
    assert budget.delay_s(9) == 0
