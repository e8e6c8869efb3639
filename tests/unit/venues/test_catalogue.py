"""What every venue's kit promises to whoever never asks which venue it is."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from leadline.clock import ManualClock
from leadline.core.cells import MemoryCells
from leadline.errors import ConfigError
from leadline.net.endpoint import endpoint, is_loopback
from leadline.venues.catalogue import DEFAULT, VENUES, AnyKit

EVERY = pytest.mark.parametrize("kit", VENUES.values(), ids=VENUES)


def addresses(kit: AnyKit, endpoints: object) -> list[tuple[str, str]]:
    return [(field.name, getattr(endpoints, field.name)) for field in dataclasses.fields(endpoints)]  # type: ignore[arg-type]


def test_each_venue_is_found_by_its_own_name() -> None:
    assert {name: kit.name for name, kit in VENUES.items()} == {"kraken": "kraken", "binance": "binance"}
    assert DEFAULT is VENUES["kraken"]


@EVERY
def test_every_address_of_every_environment_is_encrypted(kit: AnyKit) -> None:
    for environment in kit.environments:
        for name, address in addresses(kit, kit.endpoints(environment)):
            url = endpoint(address, "https" if name == "rest" else "wss")
            assert url.scheme in ("https", "wss")


@EVERY
def test_a_local_exchange_has_every_address_on_this_machine(kit: AnyKit) -> None:
    found = addresses(kit, kit.emulated("127.0.0.1:9465"))

    assert {name for name, _ in found} == {name for name, _ in addresses(kit, kit.endpoints("production"))}
    for name, address in found:
        assert is_loopback(endpoint(address, "https" if name == "rest" else "wss"))


@EVERY
def test_every_stream_has_an_address_among_those_that_can_be_set(kit: AnyKit) -> None:
    endpoints = kit.endpoints("production")
    known = {address for _, address in addresses(kit, endpoints)}

    ways = [kit.market_address(endpoints, route) for route in kit.routes]
    ways += [kit.account_address(endpoints), kit.requests_address(endpoints)]
    ways += [kit.single_orders_address(endpoints)]
    assert {way for way in ways if way is not None} | {endpoints.rest} == known


@EVERY
def test_the_variables_name_every_part_of_a_key_and_nothing_else(kit: AnyKit) -> None:
    fields = {field.name for field in msgspec.structs.fields(kit.raw_account)}
    for environment in kit.environments:
        named = [one.field for one in kit.variables if one.environment == environment]
        with pytest.raises(ConfigError) as caught:
            kit.key(kit.raw_account(), lambda text: text, environment)

        assert set(named) <= fields
        assert [problem.split()[1].rstrip(";") for problem in caught.value.problems] == named
    assert len({one.name for one in kit.variables}) == len(kit.variables)


@EVERY
def test_what_a_variable_cannot_give_is_told_once_for_each_part(kit: AnyKit) -> None:
    def unset(text: str) -> str:
        raise ConfigError(f"no {text}")

    parts = {one.field: one.field for one in kit.variables}
    with pytest.raises(ConfigError) as caught:
        kit.key(msgspec.convert(parts, kit.raw_account), unset, kit.environments[0])

    assert caught.value.problems == tuple(f"no {part}" for part in parts)


@EVERY
def test_all_who_ask_one_address_share_its_budget(kit: AnyKit) -> None:
    clock, address = ManualClock(), MemoryCells()
    ours, theirs, elsewhere = (
        kit.terms(kit.budget(clock, cells))[0] for cells in (address, address, MemoryCells())
    )
    limit = ours.read(0).limit

    ours.spend(limit, 0)
    assert theirs.take(1.0, 0) > 0
    assert elsewhere.take(1.0, 0) == 0


@EVERY
def test_its_example_is_a_symbol_in_the_unified_form(kit: AnyKit) -> None:
    assert "/" in kit.example
    assert (":" in kit.example) is kit.contracts


@EVERY
def test_its_own_addresses_are_in_the_right_place(kit: AnyKit) -> None:
    for environment in kit.environments:
        assert kit.wrong_place(kit.endpoints(environment), environment) == ""
    assert kit.wrong_place(kit.emulated("127.0.0.1:1"), kit.environments[0]) == ""
