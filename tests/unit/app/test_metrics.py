from __future__ import annotations

from itertools import pairwise

import account_stage
from account_stage import BTC, ETH, AccountStage, buy
from leadline.app.metric_table import METRICS, SAMPLES
from leadline.app.metrics import SystemMetrics
from leadline.app.system import Keep
from leadline.core.session import LineDown
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.events import LineRotated
from leadline.model.market import Channel
from scenario import each
from stage import Stage, play

STREAMS = each([BTC, ETH], Channel.TICKER, Channel.BOOK)


def counters(metrics: SystemMetrics) -> dict[object, float]:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if family.type in ("counter", "histogram")
    }


def value(metrics: SystemMetrics, name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for sample in metrics.samples()
        if sample.name == f"leadline_{name}" and labels.items() <= dict(sample.labels).items()
    ]
    return found


def test_every_metric_that_is_declared_is_shown_by_a_system_with_an_account_and_no_other() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.parts = {"required": STREAMS, "keep": Keep(MemoryCheckpoints(), period_s=5.0)}
        trader = await stage.start()
        await trader.submit(buy("0.01", "50000.0"))
        await stage.clock.sleep(60)
        await trader.does(trader.system.feed.ticker(BTC))
        metrics = SystemMetrics(trader.system, 50)

        families = {family.name: family for family in metrics.collect()}
        assert set(families) == set(METRICS)
        for name, declared in METRICS.items():
            family = families[name]
            assert (family.type, family.documentation) == (declared.kind.value, declared.text)
            assert family.samples, name
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(declared.labels)

        assert value(metrics, "level") == 0
        assert value(metrics, "orders", state="working") == 1
        assert value(metrics, "book_messages_total", verdict="proven") > 10
        assert value(metrics, "line_connected", route="private") == 1
        assert value(metrics, "order_counter_spent") <= value(metrics, "order_counter_limit")
        assert value(metrics, "key_counter_limit") == 20
        assert value(metrics, "clock_offset_seconds") < 0.1
        answered = next(f for f in families.values() if f.name == "leadline_order_answer_seconds")
        assert {s.value for s in answered.samples if s.name.endswith("_count")} == {1}

    account_stage.perform(scene, rate=20)


def test_no_counter_ever_falls_when_lines_die_are_replaced_and_streams_are_left() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system(STREAMS, lines=2, rotate_after_s=40.0, handover_s=10.0) as system:
            await system.ready()
            metrics = SystemMetrics(system, 50)
            happened: list[type] = []
            system.feed.listen(lambda event: happened.append(type(event)))
            stop = system.feed.hold(Channel.TRADES, BTC)
            seen = [counters(metrics)]
            for number in range(30):
                if number == 3:
                    stop()
                if number % 10 == 5:
                    stage.inject(kind="CLOSE")
                await stage.clock.sleep(5)
                seen.append(counters(metrics))

            assert LineRotated in happened
            assert LineDown in happened
            for before, after in pairwise(seen):
                fell = {name for name, count in before.items() if after.get(name, -1) < count}
                assert fell == set()

    play(scene)


def test_a_fault_moves_its_counter() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system(STREAMS) as system:
            await system.ready()
            metrics = SystemMetrics(system, 50)
            before = counters(metrics)
            stage.inject(kind="CORRUPT", channel="book", symbol=BTC)
            await stage.clock.sleep(30)
            stage.inject(kind="CLOSE", code=1006)
            await stage.clock.sleep(30)
            after = counters(metrics)

            def grown(name: str, **labels: str) -> float:
                key = (f"leadline_{name}", tuple(labels.items()))
                return after[key] - before.get(key, 0.0)

            assert grown("book_messages_total", verdict="wrong") == 1
            assert grown("line_connects_total", route="public", line="1") == 1
            assert grown("gaps_total") == 5  # the book alone, then all four
            assert grown("level_seconds_total", level="FULL") > 10
            assert grown("requests_total", purpose="cross_check") > 0
            assert grown("round_trip_seconds_count") > 0

    play(scene)


def test_what_rules_look_at_is_all_but_the_histograms() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system(STREAMS) as system:
            await system.ready()
            metrics = SystemMetrics(system, 50)
            shown = {
                sample.name
                for family in metrics.collect()
                for sample in family.samples
                if family.type != "histogram"
            }

            assert {sample.name for sample in metrics.samples()} == shown
            assert shown <= SAMPLES

    play(scene)
