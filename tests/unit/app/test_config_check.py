"""What a file may not say, with the path and the cure; `parse_settings` is the way in."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.app.config import parse_settings
from leadline.app.settings import (
    AlertSettings,
    EmulatorSettings,
    LineSettings,
    LogFormat,
    LogSettings,
    MarketSettings,
    MetricsSettings,
    Settings,
)
from leadline.errors import ConfigError
from leadline.model.market import Channel

WHOLE = """
state_dir: /var/lib/leadline
ready_within: 90s
reads: {stream_share: 90%}
checkpoints: {every: 1m}
metrics: {port: 9000, symbols: 5}
alerts: {rules: builtin, webhook: "https://hooks.example/${TOKEN}"}
log: {level: debug, format: json}
venues:
  kraken:
    symbols: [BTC/USD, ETH/USD]
    channels: [book, trades, bars]
    depth: 100
    bars_interval: 5m
    critical: [BTC/USD]
    account: none
    lines: {count: 3, redundant: false, rotate_after: 12h, private: 2}
"""


def settings(text: str, **environment: str) -> Settings:
    return parse_settings(text, "f.yaml", environment)


def problems(text: str, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        settings(text, **environment)
    return caught.value.problems


def of_kraken(*lines: str) -> str:
    return "venues:\n  kraken:\n" + "".join(f"    {line}\n" for line in lines)


def test_everything_that_can_be_said_is_taken() -> None:
    found = settings(WHOLE, TOKEN="t0k3n")

    assert found.market == MarketSettings(
        ("BTC/USD", "ETH/USD"), (Channel.BOOK, Channel.TRADES, Channel.BARS), 100, 300, ("BTC/USD",)
    )
    assert found.lines == LineSettings(3, False, 12 * 3600, 2)
    assert (found.ready_s, found.stream_share, found.checkpoint_s) == (90, 0.9, 60)
    assert found.metrics == MetricsSettings(9000, 5)
    assert found.alerts == AlertSettings(None, "https://hooks.example/t0k3n")
    assert found.log == LogSettings("debug", LogFormat.JSON)
    assert found.state_dir == Path("/var/lib/leadline")
    assert (found.trade_on, found.emulator) == (None, None)


def test_the_emulator_takes_the_place_of_addresses_and_keys() -> None:
    text = "emulator: {port: 9999, rate: 5, seed: 3}\nstate_dir: /s\n" + of_kraken(
        "account: main", "credentials: {api_key: '${NOT_SET}', private_key: '${NOT_SET}'}"
    )

    found = settings(text)

    assert found.emulator == EmulatorSettings(9999, 5, 3, True)
    assert found.endpoints.rest == "http://127.0.0.1:9999"
    assert (found.trade_on, found.account("main").name) == ("main", "main")
    assert found.state_dir == Path("/s/emulator")


def test_an_emulator_without_an_account_opens_none() -> None:
    assert settings("emulator: {account: none}").trade_on is None


def test_a_block_without_anything_in_it_has_its_defaults() -> None:
    found = settings("emulator:\nmetrics:\nalerts:\nlog:\n")

    assert (found.emulator, found.metrics, found.alerts) == (
        EmulatorSettings(), MetricsSettings(), AlertSettings(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", LineSettings()),
        ("{count: 2}", LineSettings(2, True)),
        ("{count: 2, redundant: false, rotate_after: never}", LineSettings(2, False, None)),
    ],
)
def test_two_lines_are_redundant_unless_said_otherwise(lines: str, wanted: LineSettings) -> None:
    assert settings(of_kraken(f"lines: {lines}")).lines == wanted


CHANNELS = "ticker, book, trades, bars"
NO_CHANNEL = f"there is no channel 'tickers'; there are {CHANNELS}; did you mean ticker?"
NO_SPAN = "is no span of time; write a number and its unit: 500ms, 30s, 10m, 23h"
NO_ACCOUNT = (
    "none is set; write credentials with api_key: ${KRAKEN_API_KEY} and private_key: "
    "${KRAKEN_PRIVATE_KEY}, or account: none"
)
NO_SECOND = "one line has no second; write count: 2, or redundant: false"
TOO_SOON = "a line replaced after 5m may go before it is ready (10m); make it longer than ready_within"
STANDS_IN = "it takes the place of venues.kraken.endpoints; leave one of the two out"
PORT_TWICE = "metrics.port: 9465 is the emulator's port too; give each its own"
NO_VARIABLE = (
    "the environment has no variable 'NOPE'; set it (export NOPE=…) or write the value into the file"
)
NO_WEBHOOK = "it is no address of the form https://host/path; http:// is for this machine only"


@pytest.mark.parametrize(
    ("line", "path", "what"),
    [
        ("symbols: [BTCUSD%]", "symbols", "'BTCUSD%' has not the form of a symbol, such as BTC/USD"),
        ("symbols: [A/B, A/B]", "symbols", "'A/B' stands there more than once; leave it once"),
        ("critical: [C/D]", "critical", "C/D is not among symbols; add it there, or leave it out here"),
        (
            "channels: [tickers]",
            "channels",
            NO_CHANNEL,
        ),
        ("channels: []", "channels", f"name at least one of {CHANNELS}, or leave it out"),
        ("depth: 20", "depth", "20 is none of 10, 25, 100, 500, 1000"),
        ("bars_interval: 2m", "bars_interval", "'2m' is none of 1m, 5m, 15m, 30m, 1h, 4h, 1d, 7d, 15d"),
        ("bars_interval: 1", "bars_interval", f"'1' {NO_SPAN}"),
        ("account: main", "account", NO_ACCOUNT),
        ("lines: {count: 4}", "lines.count", "4 is not possible; write 1 to 3"),
        ("lines: {private: 0}", "lines.private", "0 is not possible; write 1 to 2"),
        ("lines: {redundant: true}", "lines.redundant", NO_SECOND),
        ("lines: {rotate_after: 30s}", "lines.rotate_after", "'30s' is too short; write 2m or more"),
    ],
)
def test_a_problem_of_the_venue_has_its_path_and_its_cure(line: str, path: str, what: str) -> None:
    assert problems(of_kraken(line)) == (f"venues.kraken.{path}: {what}",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ready_within: 500ms", "ready_within: '500ms' is too short; write 1s or more"),
        ("reads: {stream_share: 120%}", "reads.stream_share: '120%' is no share; write 0.95, or 95%"),
        ("reads: {stream_share: most}", "reads.stream_share: 'most' is no share; write 0.95, or 95%"),
        ("reads: {stream_share: nan}", "reads.stream_share: 'nan' is no share; write 0.95, or 95%"),
        ("checkpoints: {every: 10ms}", "checkpoints.every: '10ms' is too short; write 1s or more"),
        ("metrics: {port: 80}", "metrics.port: 80 is not possible; write 1024 to 65535"),
        ("metrics: {symbols: -1}", "metrics.symbols: -1 is not possible; write 0 to 1000"),
        (
            "metrics: {port: 9465}\nemulator: {}",
            PORT_TWICE,
        ),
        (
            "alerts: {rules: /nowhere/r.yaml}",
            "alerts.rules: '/nowhere/r.yaml' is no file; write builtin for the rules that come along",
        ),
        ("alerts: {webhook: 'http://hooks.example/x'}", f"alerts.webhook: {NO_WEBHOOK}"),
        ("alerts: {webhook: hooks}", f"alerts.webhook: {NO_WEBHOOK}"),
        (
            "log: {level: inof}",
            "log.level: there is no level 'inof'; there are debug, info, warning, error; did you mean info?",
        ),
        ("log: {format: xml}", "log.format: there is no format 'xml'; there are console, json"),
        ("emulator: {rate: 9999}", "emulator.rate: 9999 is not between 0 and 5000 market events a second"),
        ("emulator: {account: main}", "emulator.account: 'main' is neither demo nor none"),
        ("emulator: {}\n" + of_kraken("endpoints: {rest: 'https://x.example'}"), f"emulator: {STANDS_IN}"),
        (
            "ready_within: 10m\n" + of_kraken("lines: {rotate_after: 5m}"),
            f"venues.kraken.lines.rotate_after: {TOO_SOON}",
        ),
        ("state_dir: here", "state_dir: 'here' depends on where one stands; begin it with / or ~"),
        ("state_dir: '${NOPE}'", f"state_dir: {NO_VARIABLE}"),
    ],
)
def test_a_problem_has_its_path_and_its_cure(text: str, wanted: str) -> None:
    assert problems(text) == (wanted,)


def test_rules_that_are_not_understood_are_a_problem_of_the_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: mine, rules: [{alert: Loud, expr: 'volume ??'}]}]")

    [told] = problems(f"alerts: {{rules: {rules}}}")

    assert told.startswith(f"alerts.rules: {rules}")


def test_a_name_that_stands_there_twice_is_a_problem_because_one_of_them_would_be_lost() -> None:
    text = "log: {level: info}\nlog: {level: debug}\n" + of_kraken("depth: 10", "depth: 25")

    assert problems(text) == (
        "log: it stands there twice, again in line 2; leave one of them out",
        "depth: it stands there twice, again in line 6; leave one of them out",
    )


def test_a_webhook_may_be_on_this_machine_in_plain_text() -> None:
    found = settings("alerts: {webhook: 'http://127.0.0.1:8080/hook'}").alerts

    assert found is not None
    assert found.webhook == "http://127.0.0.1:8080/hook"


def test_all_problems_are_told_at_once() -> None:
    text = """
colour: red
state_dir: '${NOPE}'
venues:
  kraken:
    symbols: [BTC/USD, "???"]
    depth: ten
    credentials: {api_key: '${KEY}', private_key: '${SECRET}', tier: vip}
    lines: {count: 1, redundant: true, rotate_after: 5}
log: {level: loud}
"""

    told = problems(text)

    paths = [one.split(": ")[0] for one in told]
    assert paths == [
        "colour",
        "venues.kraken.depth",
        "state_dir",
        "venues.kraken.credentials",
        "venues.kraken.credentials",
        "venues.kraken.credentials",
        "venues.kraken.symbols",
        "venues.kraken.lines.redundant",
        "venues.kraken.lines.rotate_after",
        "log.level",
    ]


def test_no_secret_is_in_any_of_the_problems() -> None:
    key, secret, hook = "K" * 56, "s3cr3t" * 20, "https://hooks.example/T0K3N T0K3N"
    text = f"alerts: {{webhook: '{hook}'}}\n" + of_kraken(
        f"credentials: {{api_key: '{key}', private_key: '{secret}'}}",
        f"symbols: ['{key}', '{secret}']",
        f"account: '{key}'",
        f"channels: ['{key}']",
    )

    told = "\n".join(problems(text))

    assert told.count("(not shown)") == 2
    assert not [text for text in (key, secret, "T0K3N") if text in told]
