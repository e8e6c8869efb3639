from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from leadline.cli.account import confirm, must_ask
from leadline.cli.main import cli

NO_KEYS = {"KRAKEN_API_KEY": "", "KRAKEN_PRIVATE_KEY": ""}


def test_where_nobody_can_answer_the_cure_is_said() -> None:
    @click.command()
    @click.option("--yes", is_flag=True)
    def verb(yes: bool) -> None:
        click.echo(str(must_ask(yes)))

    assert CliRunner().invoke(verb, ["--yes"]).stdout == "False\n"
    done = CliRunner().invoke(verb, [])
    assert done.exit_code == 2
    assert "add --yes" in done.stderr


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_anything_but_yes_sends_nothing(answer: str, code: int) -> None:
    @click.command()
    def verb() -> None:
        confirm("Send this order?", [("symbol", "BTC/USD"), ("order_qty", "0.01")])
        click.echo("sent")

    done = CliRunner().invoke(verb, [], input=answer)

    assert done.exit_code == code
    assert done.stdout == ("sent\n" if code == 0 else "")
    assert "  symbol     BTC/USD\n  order_qty  0.01\nSend this order? [y/N]" in done.stderr


@pytest.mark.parametrize("verb", [["balance"], ["orders"], ["cancel", "O1"], ["cancel-all", "--yes"]])
def test_without_a_key_a_verb_of_an_account_says_how_to_set_one(verb: list[str]) -> None:
    done = CliRunner().invoke(cli, verb, env=NO_KEYS)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: no account is set; put KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY, or BINANCE_API_KEY"
    )


def test_a_malformed_key_is_said_without_a_character_of_it() -> None:
    env = {"KRAKEN_API_KEY": "canary-key", "KRAKEN_PRIVATE_KEY": "canary-secret"}
    done = CliRunner().invoke(cli, ["balance"], env=env)

    assert done.exit_code == 1
    assert done.stderr.startswith("error: the environment: the Kraken API key")
    assert "canary" not in done.output
