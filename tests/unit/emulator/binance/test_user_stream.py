from __future__ import annotations

import json

from leadline.emulator.faults import Shuffle
from pit import MARKET, Pit


def test_events_of_a_type_keep_their_order_and_types_may_overtake_each_other() -> None:
    overtaken = 0
    for seed in range(8):
        pit = Pit(seed=seed)
        pit.crowd("SELL", "50000.0", "1")
        for _ in range(10):
            pit.order(MARKET)
        pit.wait(1)
        trades = [one for one in pit.events if one.kind == "TRADE_LITE"]
        ids = [one.body["t"] for one in trades]
        assert ids == sorted(ids) and len(ids) == 10
        stamps = [one.body["E"] for one in pit.events if one.kind == "ACCOUNT_UPDATE"]
        assert stamps == sorted(stamps)
        overtaken += pit.events[0].kind != "ORDER_TRADE_UPDATE"
    assert overtaken > 0


def test_the_same_seed_gives_the_same_stream() -> None:
    texts = []
    for _ in range(2):
        pit = Pit(seed=5)
        pit.long()
        pit.crowd("BUY", "50000.0")
        pit.order(MARKET, side="SELL", newClientOrderId="same")
        pit.wait(1)
        texts.append([(one.at_ns, one.text) for one in pit.events])
    assert texts[0] == texts[1]


def test_what_leaves_is_never_from_the_future() -> None:
    pit = Pit()
    pit.long()
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL")
    while pit.trading.next_ns() < pit.now_ns + 10**9:
        pit.now_ns = max(pit.now_ns, pit.trading.next_ns())
        pit.trading.woke(pit.now_ns)
    assert pit.events
    assert all(one.body["T"] <= one.body["E"] <= one.at_ns // 10**6 for one in pit.events)


def test_every_socket_of_a_key_gets_a_copy_and_a_wrong_key_nothing() -> None:
    pit = Pit()
    copies: list[str] = []
    nothing: list[str] = []

    def sink(key: str, kind: str, text: str) -> None:
        copies.append(kind)

    def silent(key: str, kind: str, text: str) -> None:
        nothing.append(kind)

    pit.trading.subscribe(pit.listen_key, sink)
    pit.trading.subscribe("wrong", silent)
    pit.order(price="49000.0")
    assert pit.orders_told() == [("NEW", "NEW")]
    assert (copies, nothing) == (["ORDER_TRADE_UPDATE"], [])
    pit.trading.unsubscribe(pit.listen_key, sink)
    pit.order(price="49000.0")
    pit.wait(1)
    assert copies == ["ORDER_TRADE_UPDATE"]


def test_a_list_of_events_lets_nothing_else_through_the_notice_of_expiry_included() -> None:
    pit = Pit()
    told: list[str] = []
    pit.trading.subscribe(pit.listen_key, lambda key, kind, text: told.append(kind), {"TRADE_LITE"})
    pit.long()
    pit.trading.expire_listen_keys(pit.now_ns, silent=False)
    pit.wait(1)
    assert told == ["TRADE_LITE"]


def test_after_the_end_of_a_key_nothing_follows() -> None:
    pit = Pit()
    pit.order(price="49000.0")
    pit.trading.expire_listen_keys(pit.now_ns, silent=False)
    pit.order(price="49000.0")
    pit.wait(1)
    (notice,) = pit.events
    assert list(json.loads(notice.text)) == ["e", "E", "listenKey"]
    assert notice.body["listenKey"] == pit.listen_key


def test_a_silent_end_says_nothing_and_a_renewal_tells() -> None:
    pit = Pit()
    pit.trading.expire_listen_keys(pit.now_ns, silent=True)
    pit.order(price="49000.0")
    pit.wait(1)
    assert pit.events == []
    assert pit.ask("PUT", "/fapi/v1/listenKey", signed=False).code == -1125


def test_the_keys_of_an_event_stand_as_recorded() -> None:
    pit = Pit()
    pit.long()
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL")
    pit.wait(1)
    fronts = {one.kind: list(one.body)[:3] for one in pit.events}
    assert fronts["ORDER_TRADE_UPDATE"] == ["e", "T", "E"]
    assert fronts["ACCOUNT_UPDATE"] == fronts["TRADE_LITE"] == ["e", "E", "T"]


def test_shuffled_news_of_one_kind_are_late_and_still_in_order() -> None:
    pit = Pit()
    pit.board.put(Shuffle(channel="executions", delay_s=2.0), pit.now_ns)
    pit.crowd("SELL", "50000.0", "1")
    for _ in range(10):
        pit.order(MARKET)
    pit.wait(0.05)
    assert "ORDER_TRADE_UPDATE" not in {one.kind for one in pit.events}
    assert "ACCOUNT_UPDATE" in {one.kind for one in pit.events}
    pit.wait(3)
    trades = [one.body["t"] for one in pit.events if one.kind == "TRADE_LITE"]
    assert len(trades) == 10 and trades == sorted(trades)
