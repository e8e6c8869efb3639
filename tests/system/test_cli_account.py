"""Verbs of an account, as processes against a local Kraken that is one, too."""

from __future__ import annotations

import csv
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from commands import Done, begun, in_terminal, leadline

FAR = ("--limit", "30000", "--yes", "--json")


@dataclass(frozen=True)
class Venue:
    """The settings file that leads to it, its control address, and its keys."""

    config: Path
    control: str
    secrets: tuple[str, ...]

    def run(self, *arguments: object) -> Done:
        return leadline(*arguments, "--config", self.config)

    def inject(self, **fault: object) -> None:
        body = json.dumps({"venue": "kraken", **fault}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.control}/faults", body)).close()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    with begun("emulate", "--json", "--rate", "20") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        config = tmp_path / "leadline.yaml"
        settings = {"venues": {"kraken": told["kraken"]}, "state_dir": str(tmp_path / "state")}
        config.write_text(yaml.safe_dump(settings))
        yield Venue(config, told["control"], tuple(told["credentials"].values()))


def test_an_order_is_placed_listed_cancelled_and_gone(venue: Venue) -> None:
    placed = venue.run("order", "buy", "BTC/USD", "0.01", *FAR)
    assert (placed.code, placed.err) == (0, "")
    order = placed.rows[0]["order"]
    assert order["state"] == "working"
    assert (Decimal(order["qty"]), Decimal(order["limit_price"])) == (Decimal("0.01"), Decimal(30000))

    listed = venue.run("orders", "--json").rows[0]
    assert [one["order_id"] for one in listed["orders"]] == [order["order_id"]]
    assert listed["orders"][0]["client_id"] == order["client_id"]

    cancelled = venue.run("cancel", order["client_id"], "--json")
    assert (cancelled.code, cancelled.rows[0]["orders"][0]["ok"]) == (0, True)
    assert venue.run("orders").out == "no open orders (by stream)\n"
    assert not [secret for secret in venue.secrets if secret in placed.out + listed["account"]]


def test_a_market_order_is_told_with_its_fills_and_both_are_in_the_history(
    venue: Venue, tmp_path: Path
) -> None:
    done = venue.run("order", "sell", "BTC/USD", "0.01", "--yes", "--json")
    order = done.rows[0]["order"]
    assert (done.code, order["state"], order["filled_qty"]) == (0, "filled", "0.01000000")
    assert order["fills"][0]["fees"][0]["asset"] == "USD"

    fills, ledger = tmp_path / "f.csv", tmp_path / "l.csv"
    told = venue.run("history", "kraken", "--fills", "--since", "2020-01-01", "--out", fills, "--json")
    assert told.rows == [
        {
            "file": str(fills),
            "account": "main",
            "kind": "fills",
            "rows": len(order["fills"]),
            "shortfall": None,
        }
    ]
    assert venue.run("history", "kraken", "--ledger", "--since", "2020-01-01", "--out", ledger).code == 0
    with fills.open() as file:
        assert [row["exec_id"] for row in csv.DictReader(file)] == [one["exec_id"] for one in order["fills"]]
    with ledger.open() as file:
        assert {row["asset"] for row in csv.DictReader(file)} == {"BTC", "USD"}


def test_balances_are_the_same_by_either_way(venue: Venue) -> None:
    stream = venue.run("balance", "--json").rows[0]
    rest = venue.run("balance", "--json", "--emergency").rows[0]

    assert (stream["source"], rest["source"]) == ("stream", "rest")
    totals = [{one["asset"]: one["total"] for one in told["balances"]} for told in (stream, rest)]
    assert totals[0] == totals[1]
    assert rest["balances"][0]["held"] is not None


def test_when_the_stream_is_dead_everything_goes_by_rest_and_says_so(venue: Venue) -> None:
    venue.inject(kind="REFUSE", route="ws")

    placed = venue.run("order", "buy", "BTC/USD", "0.01", *FAR)
    listed = venue.run("orders", "--json")
    cancelled = venue.run("cancel-all", "--yes", "--json", "--emergency")

    assert (placed.code, placed.rows[0]["order"]["state"]) == (0, "working")
    assert (listed.code, listed.rows[0]["source"], len(listed.rows[0]["orders"])) == (0, "rest", 1)
    assert "going by REST" in listed.err
    assert (cancelled.code, cancelled.err) == (0, "")
    assert cancelled.rows == [{"account": "main", "path": "rest", "count": 1}]


def test_what_the_venue_would_take_is_asked_without_placing_anything(venue: Venue) -> None:
    done = venue.run("order", "buy", "BTC/USD", "0.01", "--limit", "30000", "--validate")

    assert (done.code, done.out) == (0, "the venue would take it; nothing was placed\n")
    assert venue.run("orders", "--json").rows[0]["orders"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["buy", "BTC/USD", "0.01", "--limit", "30000.05"], "multiple of 0.1"),
        (["buy", "BTC/USD", "0.000001", "--limit", "30000"], "the least is 0.00005"),
        (["buy", "BTC/USDD", "0.01"], "did you mean BTC/USD"),
        (["buy", "BTC/USD", "5000", "--limit", "30000"], "refused: EOrder:Insufficient funds"),
    ],
)
def test_an_order_that_cannot_be_is_one_line_and_exit_1(
    venue: Venue, arguments: list[str], message: str
) -> None:
    done = venue.run("order", *arguments, "--yes")

    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_in_a_terminal_what_will_be_sent_is_shown_and_asked(venue: Venue) -> None:
    order = ("order", "buy", "BTC/USD", "0.01", "--limit", "30000", "--config", venue.config)

    refused = in_terminal(*order, until="[y/N]", keys=b"n\n")
    taken = in_terminal(*order, until="[y/N]", keys=b"y\n")

    assert refused.code == 1
    assert "nothing was sent" in refused.out
    assert '"BTC/USD"' in taken.out
    assert (taken.code, "working" in taken.out) == (0, True)
    assert len(venue.run("orders", "--json").rows[0]["orders"]) == 1


def test_the_venues_status_needs_no_key_and_names_the_breaker_with_one(venue: Venue) -> None:
    done = venue.run("status", "--json")

    [row] = done.rows
    assert (row["venue"], row["mode"], row["text"]) == ("kraken", "online", "online")
    assert (row["account"], row["breaker"]) == ("main", "closed")
    assert (row["running"], row["level"]) == (False, None)
    assert "level: no system of yours runs here" in venue.run("status").out
    assert venue.run("status", "--account", "other", "--emergency", "--json").rows[0]["breaker"] is None


def test_doctor_looks_at_the_key(venue: Venue) -> None:
    done = venue.run("doctor", "--json")

    assert done.code == 0
    assert done.rows[0]["checks"][-1]["name"] == "account main"
    assert not [secret for secret in venue.secrets if secret in done.out]
