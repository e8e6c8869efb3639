from __future__ import annotations

from leadline.venues.kit import RawAccount


def test_no_repr_of_a_raw_account_shows_its_key() -> None:
    assert "canary" not in repr(RawAccount(api_key="canary"))
