from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.config import Settings
from leadline.app.opening import connects_to, open_system, public_budget
from leadline.errors import ConfigError
from leadline.venues.kraken.venue import Endpoints


def test_a_venue_name_settings_or_a_file_can_be_opened(tmp_path: Path) -> None:
    file = tmp_path / "leadline.yaml"
    file.write_text("venues: {kraken: {endpoints: {rest: http://127.0.0.1:1}}}")

    for venue in ("kraken", Settings(), file, str(file)):
        assert open_system(venue).market.name == "kraken"


@pytest.mark.parametrize("venue", ["krakne", Path("settings.ini")])
def test_anything_else_is_refused(venue: str | Path) -> None:
    with pytest.raises(ConfigError, match=r"is neither a venue \(kraken\) nor a YAML file"):
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


def test_systems_that_ask_one_address_share_its_budget() -> None:
    assert public_budget("https://one.example") is public_budget("https://one.example")
    assert public_budget("https://one.example") is not public_budget("https://two.example")


def test_all_streams_of_a_venue_share_one_budget_of_connects() -> None:
    assert connects_to("https://one.example") is connects_to("https://one.example")
    assert connects_to("https://one.example") is not connects_to("https://two.example")


def test_a_number_of_lines_that_no_route_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="one to 3 lines, not 4"):
        open_system(lines=4)
