from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.settings import AlertSettings, EmulatorSettings, Settings, control_path_in, state_home
from leadline.errors import ConfigError


def test_the_defaults_need_nothing_and_open_no_account() -> None:
    settings = Settings()

    assert (settings.trade_on, settings.market.symbols, settings.emulator) == (None, (), None)
    with pytest.raises(ConfigError, match="no account is set"):
        settings.account()


def test_the_emulator_and_the_venue_are_asked_at_the_same_place() -> None:
    of_venue = Settings(state_dir=Path("/s"))
    of_emulator = Settings(state_dir=Path("/s/emulator"), emulator=EmulatorSettings())

    assert of_venue.control_path == of_emulator.control_path == control_path_in(Path("/s"))


def test_a_state_folder_that_is_not_set_is_the_platforms() -> None:
    assert Settings().home == state_home()
    assert Settings(state_dir=Path("/s")).home == Path("/s")


def test_the_address_of_a_webhook_is_in_no_repr() -> None:
    settings = Settings(alerts=AlertSettings(webhook="https://hooks.example/T0K3N"))

    assert "T0K3N" not in repr(settings)
    assert "webhook='***'" in repr(settings).replace("webhook=***", "webhook='***'")
