from __future__ import annotations

from leadline.emulator.binance.history import KEPT, Executed, History


def test_the_oldest_requests_are_forgotten_at_the_bound() -> None:
    history = History()
    history.note(Executed(0, "me", "POST /fapi/v1/order", {}))
    same = Executed(1, "me", "POST /fapi/v1/order", {})
    for _ in range(KEPT):
        history.note(same)
    assert (len(history.executed), history.executed[0].time_ns) == (KEPT, 1)
