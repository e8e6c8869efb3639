from __future__ import annotations

import json
from typing import Any

import pytest

from emulated import OTHER, QUIET, START_NS, S, emulated
from signed import Signed
from vectors import VECTORS, needs_vectors, records


def caller() -> Signed:
    return Signed(emulated(rate=0, pairs=(QUIET, OTHER)))


def test_a_deposit_address_belongs_to_a_method_of_the_asset() -> None:
    call = caller()
    [method] = call("DepositMethods", asset="XBT")

    [address] = call("DepositAddresses", asset="BTC", method=method["method"])
    assert address["expiretm"] == "0"
    assert call.refusal("DepositAddresses", asset="XBT", method="Pigeon") == "EFunding:No funding method"
    assert call.refusal("DepositMethods", asset="NOPE") == "EFunding:Unknown asset"


def test_movements_are_chosen_by_asset_and_time_and_a_cursor_wraps_them() -> None:
    call = caller()

    assert isinstance(call("DepositStatus", asset="XBT"), list)
    assert call("DepositStatus", cursor="true").keys() == {"deposit", "next_cursor"}
    assert call("WithdrawStatus", cursor="true").keys() == {"withdrawal", "next_cursor"}
    assert call("WithdrawStatus", asset="USD") == []
    assert len(call("DepositStatus")) == 2
    assert len(call("DepositStatus", start=str(START_NS // S - 100_000))) == 1


def test_a_withdrawal_is_explained_for_a_known_key_only() -> None:
    call = caller()
    [address] = call("WithdrawAddresses", asset="XBT")

    told = call("WithdrawInfo", asset="XBT", key=address["key"], amount="0.5")
    assert (told["method"], told["amount"]) == ("Bitcoin", "0.5")
    assert call("WithdrawAddresses", key="other") == []
    assert call.refusal("WithdrawInfo", asset="XBT", key="x", amount="1") == "EFunding:Unknown withdraw key"


@needs_vectors
@pytest.mark.parametrize(
    ("file", "name", "call_name", "fields"),
    [
        ("kraken-async-rs", "get_deposit_methods_json", "DepositMethods", {"asset": "XBT"}),
        ("jkorf", "Account/GetDepositAddresses", "DepositAddresses", {"asset": "XBT", "method": "Bitcoin"}),
        ("kraken-async-rs", "get_withdrawal_methods_json", "WithdrawMethods", {}),
        ("jkorf", "Account/GetWithdrawAddresses", "WithdrawAddresses", {}),
        ("kraken-async-rs", "get_status_of_recent_withdrawals_json", "WithdrawStatus", {}),
    ],
)
def test_rows_have_the_recorded_keys(file: str, name: str, call_name: str, fields: dict[str, Any]) -> None:
    path = VECTORS / "kraken" / "rest" / f"{file}.fixtures.jsonl"
    [theirs] = [json.loads(one["raw"])["result"][0] for one in records(path) if one["name"] == name]

    assert set(theirs) <= set(caller()(call_name, **fields)[0])
