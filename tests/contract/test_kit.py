"""What every venue's `VenueKit` promises: addresses that fit together, and keys that are shown nowhere."""

from __future__ import annotations

import dataclasses

import pytest

from leadline.errors import ConfigError
from leadline.venues.catalogue import DEFAULT, VENUES, AnyKit
from venue_bench import WireBench
from venue_benches import WIRED

every_kit = pytest.mark.parametrize("kit", VENUES.values(), ids=lambda kit: kit.name)
every_bench = pytest.mark.parametrize("bench", WIRED, ids=lambda bench: bench.name)


def test_every_venue_there_is_is_in_the_suite() -> None:
    assert {bench.name for bench in WIRED} == set(VENUES)
    assert {bench.kit for bench in WIRED} == set(VENUES.values())
    assert DEFAULT.name in VENUES


@every_kit
def test_every_environment_has_addresses_that_nobody_can_listen_to(kit: AnyKit) -> None:
    assert kit.environments
    for environment in kit.environments:
        there = dataclasses.asdict(kit.endpoints(environment))
        assert there.pop("rest").startswith("https://")
        assert there
        assert all(address.startswith("wss://") for address in there.values())
        assert kit.wrong_place(kit.endpoints(environment), environment) == ""


@every_kit
def test_keys_of_one_environment_at_the_addresses_of_another_are_noticed(kit: AnyKit) -> None:
    for environment in kit.environments:
        for other in kit.environments:
            if other != environment:
                said = kit.wrong_place(kit.endpoints(other), environment)
                assert other in said
                assert environment in said


@every_kit
def test_a_local_exchange_has_every_address_under_its_own(kit: AnyKit) -> None:
    local = dataclasses.asdict(kit.emulated("127.0.0.1:8765"))

    assert set(local) == set(dataclasses.asdict(kit.endpoints(kit.environments[0])))
    assert all("://127.0.0.1:8765" in address for address in local.values())


@every_kit
def test_each_line_has_an_address_of_the_venue(kit: AnyKit) -> None:
    endpoints = kit.endpoints(kit.environments[0])
    known = set(dataclasses.asdict(endpoints).values())

    assert kit.routes
    for route in kit.routes:
        assert kit.market_address(endpoints, route) in known
    assert kit.account_address(endpoints) in known
    for extra in (kit.requests_address(endpoints), kit.single_orders_address(endpoints)):
        assert extra is None or extra in known


@every_bench
def test_a_key_shows_none_of_its_secrets(bench: WireBench) -> None:
    key = bench.key(bench.exchange(0.0))

    assert key.api_key in key.secrets
    assert len(key.secrets) > 1
    assert not any(secret in repr(key) for secret in key.secrets)


@every_kit
def test_an_account_without_its_key_is_refused_with_the_variables_that_are_missing(kit: AnyKit) -> None:
    for environment in kit.environments:
        names = [one.name for one in kit.variables if one.environment == environment]
        assert names
        with pytest.raises(ConfigError) as caught:
            kit.key(kit.raw_account(), lambda text: text, environment)
        told = " ".join((str(caught.value), *caught.value.problems))
        assert all(name in told for name in names)


@every_kit
def test_what_a_settings_file_says_of_an_account_is_not_shown(kit: AnyKit) -> None:
    assert "canary" not in repr(kit.raw_account(api_key="canary"))
