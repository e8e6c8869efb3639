"""What a file may say of a venue with contracts, and of two venues; `parse_all` is the way in."""

from __future__ import annotations

import pytest

from leadline.app.config import parse_all, parse_settings
from leadline.app.settings import Settings
from leadline.engine.configuration import ExpectedConfiguration
from leadline.engine.protection import ProtectionPolicy
from leadline.errors import ConfigError
from leadline.model.account import MarginMode
from leadline.model.market import Channel
from leadline.venues.binance.endpoints import PRODUCTION, TESTNET

KEY, SECRET = "k" * 64, "s" * 64
BOTH = f"credentials: {{api_key: {KEY}, api_secret: {SECRET}}}"


def parsed(binance: str) -> Settings:
    return parse_settings(f"venues: {{binance: {{{binance}}}}}", "f.yaml", {"HOST": "h.example"})


def problems(binance: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parsed(binance)
    assert KEY not in str(caught.value)
    return caught.value.problems


def test_a_venue_has_its_own_addresses_for_each_environment() -> None:
    assert parsed("").endpoints == PRODUCTION
    assert parsed("environment: testnet").endpoints == TESTNET
    assert parsed("endpoints: {ws_api: 'wss://${HOST}/api'}").endpoints.ws_api == "wss://h.example/api"  # type: ignore[attr-defined]


def test_what_is_expected_and_what_protects_is_every_accounts() -> None:
    settings = parsed(
        f"{BOTH}, accounts: {{two: {{api_key: {'l' * 64}, api_secret: {SECRET}}}}}, "
        "expect: {hedge: true, multi_assets: false, margin_mode: isolated, leverage: 7}, "
        "protection: cancel_symbol"
    )

    for account in settings.accounts:
        assert account.expected == ExpectedConfiguration(True, False, MarginMode.ISOLATED, 7)
        assert account.protection is ProtectionPolicy.CANCEL
    assert [account.name for account in settings.accounts] == ["main", "two"]


def test_nothing_is_expected_where_nothing_is_said() -> None:
    [account] = parsed(BOTH).accounts

    assert not account.expected.anything
    assert account.protection is ProtectionPolicy.NONE


def test_its_channels_depths_and_symbols_are_its_own() -> None:
    symbols = "symbols: [BTC/USDT:USDT, btcusdt, BTC/USDT:USDT-261225, 币安人生USDT]"

    market = parsed(f"{symbols}, channels: [mark, top], depth: 20").market

    assert market.channels == (Channel.MARK, Channel.TOP)
    assert (market.depth, len(market.symbols)) == (20, 4)


@pytest.mark.parametrize(
    ("binance", "told"),
    [
        (
            "environment: demo",
            ("environment: there is no environment 'demo'; there are production",),
        ),
        (
            "environment: production, endpoints: {rest: 'https://demo-fapi.binance.com'}",
            ("environment: it is production, but the address rest is that of testnet",),
        ),
        (
            "credentials: {api_key: abc}",
            ("credentials: missing api_secret; write api_secret: ${BINANCE_API_SECRET}",),
        ),
        (
            "environment: testnet, credentials: {}",
            (
                "credentials: missing api_key; write api_key: ${BINANCE_TESTNET_API_KEY}",
                "credentials: missing api_secret; write api_secret: ${BINANCE_TESTNET_API_SECRET}",
            ),
        ),
        (
            "account: main",
            ("account: none is set; write credentials with api_key: ${BINANCE_API_KEY} and",),
        ),
        (
            f"{BOTH}, protection: pray",
            ("protection: there is no policy 'pray'; there are none, close_position",),
        ),
        (
            f"{BOTH}, expect: {{margin_mode: crossed, leverage: 126}}",
            (
                "expect.margin_mode: there is no margin mode 'crossed'; there are cross, isolated; did",
                "expect.leverage: 126 is not possible; write 1 to 125",
            ),
        ),
        (
            "expect: {hedged: true}",
            ("expect.hedged: there is no such setting; valid here: hedge",),
        ),
        (
            "endpoints: {ws_level3: 'wss://x.example'}",
            ("endpoints.ws_level3: there is no such setting",),
        ),
        ("depth: 25", ("depth: 25 is none of 5, 10, 20",)),
        ("bars_interval: 7m", ("bars_interval: '7m' is none of ",)),
        ("channels: [level3]", ("channels: there is no channel 'level3'; there are ",)),
        (
            "symbols: ['BTC USDT']",
            ("symbols: 'BTC USDT' has not the form of a symbol, such as BTC/USDT:USDT",),
        ),
    ],
)
def test_each_problem_has_its_path_and_its_cure(binance: str, told: tuple[str, ...]) -> None:
    found = problems(binance)

    assert len(found) == len(told)
    assert all(one.startswith(f"venues.binance.{start}") for one, start in zip(found, told, strict=True))


@pytest.mark.parametrize("setting", ["expect: {hedge: true}", "protection: none", "environment: production"])
def test_what_a_venue_does_not_have_cannot_be_set_there(setting: str) -> None:
    with pytest.raises(ConfigError, match="there is no such setting; valid here: symbols"):
        parse_settings(f"venues: {{kraken: {{{setting}}}}}", "f.yaml", {})


def test_two_venues_share_what_is_not_theirs_and_are_asked_in_different_places() -> None:
    text = "state_dir: /s\nmetrics: {port: 9000}\nvenues: {binance: {environment: testnet}, kraken: {}}"

    first, second = parse_all(text, "f.yaml", {})

    assert (first.venue, second.venue) == ("kraken", "binance")
    assert (first.folder.as_posix(), second.folder.as_posix()) == ("/s/kraken", "/s/binance-testnet")
    assert first.control_path != second.control_path
    assert first.metrics is not None
    assert second.metrics is not None
    assert (first.metrics.port, second.metrics.port) == (9000, 9001)


def test_problems_of_both_venues_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_all("venues: {kraken: {depth: 11}, binance: {depth: 11}}", "f.yaml", {})

    assert [one.split(":")[0] for one in caught.value.problems] == [
        "venues.kraken.depth",
        "venues.binance.depth",
    ]


def test_an_emulator_stands_in_for_every_venue_of_the_file() -> None:
    text = "emulator: {port: 9999}\nstate_dir: /s\nvenues: {kraken: {}, binance: {expect: {leverage: 3}}}"

    first, second = parse_all(text, "f.yaml", {})

    assert first.endpoints.rest == second.endpoints.rest == "http://127.0.0.1:9999"
    assert second.accounts[0].expected.leverage == 3
    assert first.control_path.parent == second.control_path.parent


@pytest.mark.parametrize(
    ("emulator", "ports"), [(9001, (9000, 9002)), (9002, (9000, 9001)), (8999, (9000, 9001))]
)
def test_no_metrics_are_shown_on_the_emulators_port(emulator: int, ports: tuple[int, int]) -> None:
    text = f"emulator: {{port: {emulator}}}\nmetrics: {{port: 9000}}\nvenues: {{kraken: {{}}, binance: {{}}}}"

    assert tuple(one.metrics.port for one in parse_all(text, "x.yaml", {}) if one.metrics) == ports


@pytest.mark.parametrize("after", ["never", "24h", "48h"])
def test_a_line_is_replaced_before_a_venue_that_ends_it_would(after: str) -> None:
    ends = "Binance USDⓈ-M Futures itself ends every connection after 1d"
    told = f"{ends}; write 23h or less, or leave it out for 23h"

    assert problems(f"lines: {{rotate_after: {after}}}") == (f"venues.binance.lines.rotate_after: {told}",)
    assert parsed("lines: {rotate_after: 12h}").lines.rotate_after_s == 12 * 3600
