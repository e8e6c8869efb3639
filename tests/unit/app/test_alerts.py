from __future__ import annotations

from alarmed import Alarmed, alarmed
from leadline.app.alert_rules import parse_rules
from leadline.app.alerts import Alerts
from leadline.core.alerting import Change
from leadline.engine.events import AlertChanged
from leadline.model.market import Channel
from scenario import BTC, each
from stage import Stage, play

RULES = """
groups:
- name: mine
  rules:
  - alert: Unread
    expr: leadline_reads_total{source="stream"} < 1
    labels: {severity: critical}
    annotations: {summary: nobody reads, cure: read}
"""


def test_a_change_is_an_event_and_a_call_once_when_it_begins_and_once_when_it_ends() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system(each([BTC], Channel.TICKER)) as system:
            await system.ready()
            seen, called = Alarmed(stage, system), list[Change]()
            system.feed.listen(seen.hear)
            rules = parse_rules(RULES, "mine.yaml")
            alerts = Alerts(rules, seen.metrics, stage.clock, system.feed.tell, called.append)
            for _ in range(3):
                alerts.look()
                await stage.clock.sleep(1)
            assert alerts.firing() == ["Unread (source stream)"]
            await system.feed.ticker(BTC)
            for _ in range(3):
                alerts.look()

            told = [event for _, event in seen.changes]
            assert told == [
                AlertChanged("Unread (source stream)", True, "critical", "nobody reads", "read", 0.0),
                AlertChanged("Unread (source stream)", False, "critical", "nobody reads", "read", 0.0, 3.0),
            ]
            assert [change.firing for change in called] == [True, False]
            assert told[0] in system.feed.recent_events
            assert alerts.firing() == []

    play(scene)


def test_nothing_fires_while_all_is_well() -> None:
    async def scene(stage: Stage) -> None:
        streams = each([BTC], Channel.TICKER, Channel.BOOK, Channel.TRADES)
        async with stage.system(streams, lines=2) as system:
            await system.ready()
            async with alarmed(stage, system) as seen:
                system.feed.on_book(BTC, lambda reading: None)
                await stage.clock.sleep(600)

                assert seen.changes == []
                assert seen.address.told == []

    play(scene)


def test_they_are_looked_at_once_a_second() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system(each([BTC], Channel.TICKER)) as system, alarmed(stage, system) as seen:
            await system.ready()
            await stage.clock.sleep(30)
            stage.inject(kind="STATUS", mode="post_only")
            broken_s = await seen.holds(lambda: system.tallies.mode.value == "post_only", 5)
            await seen.holds(lambda: bool(seen.alerts.firing()), 2)

            assert seen.fired_s("VenueLimits") - broken_s <= 1.05

    play(scene)
