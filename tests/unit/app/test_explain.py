from __future__ import annotations

import base64
from pathlib import Path

import pytest

from free_port import free_port
from leadline.app.account_settings import AccountSettings
from leadline.app.config import load_settings, parse_settings
from leadline.app.embedded import embedded
from leadline.app.explain import explained
from leadline.app.settings import AlertSettings, EmulatorSettings, LineSettings, MarketSettings, Settings
from leadline.clock import SystemClock
from leadline.engine.configuration import ExpectedConfiguration
from leadline.engine.protection import ProtectionPolicy
from leadline.errors import ConfigError
from leadline.model.account import MarginMode
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from leadline.venues.kraken.venue import Endpoints

SHIPPED = Path(__file__).resolve().parents[3] / "leadline.yaml"
NOWHERE = Endpoints(rest="http://127.0.0.1:1")
KEY, SECRET = "K" * 56, base64.b64encode(b"s" * 64).decode()


async def said(settings: Settings) -> str:
    return "\n".join(await explained(settings))


def some(**changes: object) -> Settings:
    return Settings(NOWHERE, market=MarketSettings(("BTC/USD",)), **changes)  # type: ignore[arg-type]


async def test_the_file_that_comes_along_is_right_and_the_local_exchange_knows_its_symbols() -> None:
    text = SHIPPED.read_text().replace("9465", str(free_port()))

    told = await said(parse_settings(text, "leadline.yaml", {}))

    assert "a local exchange on port" in told
    assert "delete the block `emulator` to go to the venue" in told
    assert "Symbols: the venue knows all 4." in told


def test_without_its_block_of_the_emulator_it_goes_to_the_venue() -> None:
    before, _, after = SHIPPED.read_text().partition("emulator:\n")
    _, _, rest = after.partition("\n\n")

    settings = parse_settings(before + rest, "leadline.yaml", {})

    assert settings.endpoints == Endpoints()
    assert (settings.emulator, settings.trade_on) == (None, None)
    assert settings.market == load_settings(SHIPPED, {}).market


async def test_a_symbol_that_the_venue_does_not_have_is_told_with_the_nearest() -> None:
    settings = parse_settings(
        f"emulator: {{port: {free_port()}}}\nvenues: {{kraken: {{symbols: [BTC/USD, BTC/UDS, NOPE/USD]}}}}",
        "f.yaml",
        {},
    )

    with pytest.raises(ConfigError) as caught:
        await explained(settings)

    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith(
        "venues.kraken.symbols: unknown symbol 'BTC/UDS'; did you mean"
    )


async def test_a_venue_that_cannot_be_asked_is_no_problem_of_the_file() -> None:
    assert "Symbols: not looked up, only their form is right; the venue cannot be asked" in await said(some())


async def test_a_file_with_nothing_to_do_is_a_problem() -> None:
    with pytest.raises(ConfigError, match="name at least one symbol, or an account"):
        await explained(Settings(NOWHERE))


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LineSettings(), "Lines: one connection, replaced after 23h."),
        (LineSettings(2, True, None), "Lines: 2 connections, every stream on each of them, never replaced"),
        (LineSettings(3, False), "Lines: 3 connections, each stream on one of them, replaced after 23h."),
    ],
)
async def test_lines_are_told(lines: LineSettings, told: str) -> None:
    assert told in await said(some(lines=lines))


async def test_an_account_is_told_with_what_guards_it_and_without_its_secrets() -> None:
    account = AccountSettings("main", KrakenKey(Credentials(KEY, SECRET)), dead_man_s=60, cancel_on_exit=True)
    settings = some(
        accounts=(account,),
        trade_on="main",
        lines=LineSettings(private=2),
        alerts=AlertSettings(None, "https://hooks.example/T0K3N"),
    )

    told = await said(settings)

    assert "Account: main; its orders are journalled before they leave." in told
    assert "The venue cancels every order of it 60 s after we fall silent." in told
    assert "Every order of it is cancelled when the process ends." in told
    assert "2 for the account" in told
    assert "the webhook gets each change once" in told
    assert [secret for secret in (KEY, SECRET, "T0K3N") if secret in told] == []


async def test_where_no_account_is_opened_that_is_said() -> None:
    assert "Account: none; market data only, and no order can leave." in await said(some())


async def test_a_local_exchange_that_runs_already_is_asked_as_well() -> None:
    port = free_port()
    settings = parse_settings(
        f"emulator: {{port: {port}}}\nvenues: {{kraken: {{symbols: [BTC/USD]}}}}", "f.yaml", {}
    )

    async with embedded(EmulatorSettings(port), SystemClock()):
        assert "the venue knows it" in await said(settings)


async def test_what_is_expected_of_an_account_and_what_guards_its_positions_is_told() -> None:
    account = AccountSettings(
        "main",
        KrakenKey(Credentials(KEY, SECRET)),
        expected=ExpectedConfiguration(False, False, MarginMode.CROSS, 5),
        protection=ProtectionPolicy.CLOSE,
    )

    told = await said(some(accounts=(account,), trade_on="main"))

    expected = "one-way mode, single-asset mode, cross margin, leverage 5"
    assert f"No order leaves unless it has {expected}." in told
    assert "The position is closed when an order that guards a position is missing." in told


async def test_where_the_money_is_not_real_that_is_said() -> None:
    settings = parse_settings(
        "venues: {binance: {environment: testnet, symbols: [BTCUSDT], endpoints: {rest: 'http://127.0.0.1:1'}}}",
        "f.yaml",
        {},
    )

    told = await said(settings)

    assert "Venue: Binance USDⓈ-M Futures, at wss://demo-fstream.binance.com/public/stream, wss://" in told
    assert "It is the testnet: no real money." in told


@pytest.mark.parametrize(
    ("venue", "told"),
    [
        ("kraken", "The venue cancels every order of it 60 s after we fall silent."),
        ("binance", "but no conditional order, 60 s after we fall silent."),
    ],
)
async def test_what_the_dead_man_switch_leaves_standing_is_said(venue: str, told: str) -> None:
    key = {
        "kraken": f"api_key: {KEY}, private_key: {SECRET}",
        "binance": f"api_key: {'k' * 64}, api_secret: {'s' * 64}",
    }[venue]
    account = f"account: main, credentials: {{{key}, dead_man_s: 60}}"

    settings = parse_settings(f"venues: {{{venue}: {{{account}}}}}", "f.yaml", {})

    assert told in await said(settings)
