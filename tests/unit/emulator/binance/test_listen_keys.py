from __future__ import annotations

from pit import Pit

PATH = "/fapi/v1/listenKey"
MINUTE_S = 60


def test_an_account_has_one_key_whoever_asks() -> None:
    pit = Pit()
    assert pit.ask("POST", PATH, signed=False).value == {"listenKey": pit.listen_key}
    assert len(pit.listen_key) == 64
    other = pit.trading.account("other")
    assert pit.ask("POST", PATH, other, signed=False).value["listenKey"] != pit.listen_key


def test_a_key_lives_an_hour_from_its_last_renewal() -> None:
    pit = Pit()
    pit.wait(50 * MINUTE_S)
    assert pit.ask("PUT", PATH, signed=False).value == {"listenKey": pit.listen_key}
    pit.wait(59 * MINUTE_S)
    assert pit.events == []
    pit.wait(2 * MINUTE_S)
    assert [one.kind for one in pit.events] == ["listenKeyExpired"]
    assert pit.ask("PUT", PATH, signed=False).code == -1125
    assert pit.ask("POST", PATH, signed=False).value["listenKey"] != pit.listen_key


def test_a_deleted_key_ends_every_stream_without_a_word() -> None:
    pit = Pit()
    assert pit.ask("DELETE", PATH, signed=False).value == {}
    pit.order(price="49000.0")
    pit.wait(2 * 60 * MINUTE_S)
    assert pit.events == []
