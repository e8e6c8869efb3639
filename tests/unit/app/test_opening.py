from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leadline.app.config import Settings
from leadline.app.opening import address_of, client_of, connects_to, open_system
from leadline.clock import ManualClock, SystemClock
from leadline.errors import CheckFailed, ConfigError
from leadline.model.market import Channel
from leadline.net.cell_file import CellFile
from leadline.venues.binance.endpoints import PRODUCTION
from leadline.venues.catalogue import VENUES
from leadline.venues.kraken.venue import Endpoints

ONE, TWO = "https://one.example", "https://two.example"


def test_a_venue_name_settings_or_a_file_can_be_opened(tmp_path: Path) -> None:
    file = tmp_path / "leadline.yaml"
    file.write_text("venues: {kraken: {endpoints: {rest: http://127.0.0.1:1}}}")

    for venue in ("kraken", Settings(), file, str(file)):
        assert open_system(venue).market.name == "kraken"
    assert open_system("binance").market.name == "binance"


@pytest.mark.parametrize("venue", ["krakne", Path("settings.ini")])
def test_anything_else_is_refused(venue: str | Path) -> None:
    with pytest.raises(ConfigError, match=r"is neither a venue \(kraken, binance\) nor a YAML file"):
        open_system(venue)


def test_plain_text_to_elsewhere_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        open_system(Settings(Endpoints(ws_public="ws://example.com/v2")))
    with pytest.raises(ConfigError, match="unencrypted"):
        open_system(Settings(Endpoints(rest="http://example.com")))


def test_checkpoints_lie_in_the_state_folder_and_only_where_asked_for(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)

    assert open_system(settings).checkpoints is None
    assert open_system(settings, checkpoint_s=30.0).checkpoints is not None


def test_systems_that_ask_one_address_share_its_budget(tmp_path: Path) -> None:
    one, again, two = (Settings(Endpoints(rest=rest), state_dir=tmp_path) for rest in (ONE, ONE, TWO))

    assert address_of(one) is address_of(again)
    assert address_of(one).budget is not address_of(two).budget


@pytest.mark.parametrize("venue", VENUES)
async def test_all_programs_with_one_state_folder_spend_one_budget_of_an_address(
    tmp_path: Path, venue: str
) -> None:
    settings = Settings(state_dir=tmp_path, venue=venue)
    cells = address_of(settings).spent
    clock = SystemClock()
    now_ns = clock.mono_ns()
    async with client_of(settings, clock) as ours:
        ours.budget.spend(3, now_ns)
        (file,) = (settings.folder / "addresses").glob("*.budgets")
        with CellFile(file, "") as theirs:  # as another program has it
            allowance, _ = settings.kit.terms(settings.kit.budget(clock, theirs))
            allowance.spend(2, now_ns)
            assert ours.budget.read(now_ns).level(now_ns) == pytest.approx(5)
    assert cells.file is None


async def test_a_budget_that_cannot_be_shared_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(state_dir=tmp_path)
    settings.folder.mkdir()
    (settings.folder / "addresses").write_text("in the way")

    async with client_of(settings, ManualClock()) as client:
        client.budget.spend(3, 0)
        assert client.budget.read(0).level(0) == pytest.approx(3)
    assert "no budget is shared with other programs" in caplog.text


def test_all_streams_of_a_venue_share_one_budget_of_connects() -> None:
    assert connects_to("kraken", "https://one.example") is connects_to("kraken", "https://one.example")
    assert connects_to("kraken", "https://one.example") is not connects_to("kraken", "https://two.example")


def test_a_number_of_lines_that_no_route_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="one to 3 lines, not 4"):
        open_system(lines=4)


def test_where_the_venue_ends_connections_they_are_replaced_an_hour_before_unless_told_when() -> None:
    assert open_system("binance").lines.rotate_after_s == 23 * 3600
    assert open_system("binance", rotate_after_s=600.0).lines.rotate_after_s == 600
    assert open_system("kraken").lines.rotate_after_s is None


def test_a_channel_that_the_venue_has_not_is_refused_with_those_it_has() -> None:
    with pytest.raises(CheckFailed, match="Kraken streams no mark; there are ticker, book, trades, bars"):
        open_system("kraken", ["BTC/USD"], channels=[Channel.MARK])


def test_every_route_of_a_venue_has_an_address_of_its_own() -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        open_system(
            Settings(replace(PRODUCTION, ws_market="ws://example.com/market/stream"), venue="binance")
        )


def test_one_of_several_venues_in_a_file_is_opened_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(f"state_dir: {tmp_path}\nvenues: {{kraken: {{}}, binance: {{environment: testnet}}}}")

    assert open_system("binance", config=file).market.name == "binance"
    assert open_system("kraken", config=str(file)).market.name == "kraken"
    with pytest.raises(ConfigError, match="has kraken and binance: name the one that is meant"):
        open_system(file)
