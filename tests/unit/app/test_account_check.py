from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from leadline.app.account_check import examine_account
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey
from served_account import ServedAccount, served_account


def with_key(venue: ServedAccount, api_key: str) -> ServedAccount:
    known = venue.settings.accounts[0]
    other = replace(known, key=KrakenKey(Credentials(api_key, known.key.credentials.secret)))
    return ServedAccount(venue.exchange, replace(venue.settings, accounts=(other,)))


async def test_a_good_key_is_one_line_that_names_what_it_may(tmp_path: Path) -> None:
    async with served_account(tmp_path) as venue:
        (finding,) = await examine_account(venue.settings, "main")

    assert (finding.name, finding.ok, finding.advice) == ("account main", True, "")
    assert finding.found.endswith("the key may query funds, query open orders, open the stream")


async def test_a_key_that_the_venue_does_not_know_is_told_with_the_cure_and_without_the_key(
    tmp_path: Path,
) -> None:
    async with served_account(tmp_path) as venue:
        (finding,) = await examine_account(with_key(venue, "A" * 56).settings, "main")

    assert not finding.ok
    assert "EAPI:Invalid key" in finding.found
    assert "check KRAKEN_API_KEY" in finding.advice
    assert "A" * 56 not in f"{finding}"


async def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with served_account(tmp_path / "file") as venue:
        (finding,) = await examine_account(venue.settings, "main")

    assert not finding.ok
    assert str(tmp_path) in finding.found
