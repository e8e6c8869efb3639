"""Each plant has the one fault it is named for."""

from __future__ import annotations

from leadline.core.level import Hysteresis, Observation
from leadline.core.trades import TradeLog
from leadline.model.level import Level
from leadline.simulation.service_plants import _Forgetful, _Hasty
from linesrig import trades

WELL, LOST = Observation(required=2, live=2), Observation(required=2, live=1)


def levels(hysteresis: Hysteresis) -> list[Level]:
    seen = [(0, WELL), (1, LOST), (2, WELL), (3, LOST), (4, WELL)]
    return [hysteresis.judge(one, at_s * 10**9).level for at_s, one in seen]


def test_without_hysteresis_the_level_follows_every_observation() -> None:
    full, degraded = Level.FULL, Level.DEGRADED

    assert levels(Hysteresis()) == [full, degraded, degraded, degraded, degraded]
    assert levels(_Hasty()) == [full, degraded, full, degraded, full]


def test_the_forgetful_log_hands_on_what_it_has_handed_on_before() -> None:
    def told(log: TradeLog) -> list[int]:
        log.merge(trades(1, 2).trades)
        return [trade.trade_id or 0 for trade in log.merge(trades(2, 3).trades)[0]]

    assert told(TradeLog()) == [3]
    assert told(_Forgetful()) == [2, 3]
