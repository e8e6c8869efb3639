from __future__ import annotations

from importlib import import_module

import pytest
from click.testing import CliRunner

from leadline.cli.main import VERBS, cli, module_of


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_and_explains_itself(verb: str) -> None:
    done = CliRunner().invoke(cli, [verb, "--help"])

    assert done.exit_code == 0, done.output
    assert import_module(f"leadline.cli.{module_of(verb)}").command.name == verb
    assert "--json" in done.stdout


def test_help_lists_the_verbs_in_plain_words() -> None:
    done = CliRunner().invoke(cli, ["--help"])

    assert done.exit_code == 0
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)


def test_a_misspelled_verb_is_wrong_use_and_suggests_the_nearest() -> None:
    done = CliRunner().invoke(cli, ["wtach"])

    assert (done.exit_code, done.stdout) == (2, "")
    assert "no such verb: wtach; did you mean watch?" in done.stderr


def test_a_verb_like_nothing_is_wrong_use() -> None:
    assert CliRunner().invoke(cli, ["xyzzy"]).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch"],
        ["watch", "kraken"],
        ["watch", "bitnance", "BTC/USD"],
        ["watch", "kraken", "BTC/USD", "--channels", "ticker,books"],
        ["watch", "kraken", "BTC/USD", "--channels", ","],
        ["watch", "kraken", "BTC/USD", "--seconds", "0"],
        ["record", "kraken", "BTC/USD"],
        ["replay"],
        ["replay", "x.jsonl", "--precision", "BTC/USD=1"],
        ["replay", "x.jsonl", "--precision", "BTC/USD=1,21"],
        ["history", "kraken", "BTC/USD"],
        ["history", "kraken", "BTC/USD", "--out", "x.csv", "--hours", "-1"],
        ["emulate", "--port", "70000"],
        ["emulate", "--rate", "-1"],
        ["history", "kraken", "--out", "x.csv"],
        ["history", "kraken", "BTC/USD", "--fills", "--out", "x.csv"],
        ["history", "kraken", "--fills", "--ledger", "--out", "x.csv"],
        ["history", "kraken", "--fills", "--since", "yesterday", "--out", "x.csv"],
        ["doctor", "--verbose"],
        ["leverage", "BTC/USDT:USDT"],
        ["leverage", "BTC/USDT:USDT", "0"],
        ["leverage", "BTC/USDT:USDT", "2.5"],
        ["funding"],
        ["funding", "BTC/USDT:USDT", "--hours", "0"],
        ["positions", "--venue", "bitnance"],
        ["order", "buy"],
        ["order", "hold", "BTC/USD", "1", "--yes"],
        ["order", "buy", "BTC/USD", "--yes"],
        ["order", "buy", "BTC/USD", "1e3", "--yes"],
        ["order", "buy", "BTC/USD", "nan", "--yes"],
        ["order", "buy", "BTC/USD", "1", "--emergency", "--yes"],
        ["order", "buy", "BTC/USD", "1", "--client-id", "mine", "--yes"],
        ["order", "buy", "BTC/USD", "1"],
        ["cancel"],
        ["cancel-all"],
        ["run"],
        ["run", "f.yaml", "--json"],
        ["level", "hold"],
        ["level", "force", "DEGRADED"],
        ["level", "force", "BETTER", "--for", "10m"],
        ["level", "force", "DEGRADED", "--for", "10"],
        ["level", "force", "DEGRADED", "--for", "0s"],
        ["level", "force", "DEGRADED", "--for", "25h"],
    ],
)
def test_wrong_use_exits_with_2_and_says_so_on_stderr(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "Error: " in done.stderr


@pytest.mark.parametrize(
    "verb",
    [
        "watch",
        "record",
        "history",
        "instruments",
        "doctor",
        "balance",
        "orders",
        "cancel",
        "cancel-all",
        "status",
        "report",
    ],
)
def test_a_settings_file_that_cannot_be_used_is_one_line_on_stderr(verb: str, tmp_path: object) -> None:
    more = {"watch": ["kraken", "X"], "record": ["kraken", "X", "--out", f"{tmp_path}/r"], "doctor": [],
            "history": ["kraken", "X", "--out", f"{tmp_path}/h.csv"], "instruments": ["kraken"],
            "cancel": ["O1"], "cancel-all": ["--yes"]}  # fmt: skip
    done = CliRunner().invoke(cli, [verb, *more.get(verb, []), "--config", f"{tmp_path}/absent.yaml"])

    assert done.exit_code == 1
    said = done.stdout if verb == "doctor" else done.stderr
    assert f"cannot read {tmp_path}/absent.yaml: No such file or directory" in said
    assert "Traceback" not in done.output
