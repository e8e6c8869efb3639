"""What REST tells of deposits and withdrawals; that it moves none is shown in test_rest_private."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kraken_private import ENDPOINTS, SYMBOLS, fixture, ok, read
from leadline.clock import NS_PER_S
from leadline.errors import Rejected
from leadline.net.http import Purpose, Response
from leadline.venues.kraken import rest_funding as funding
from vectors import needs_vectors

DEPOSIT = {
    "method": "Bitcoin", "aclass": "currency", "asset": "XXBT", "refid": "PXRIYW", "txid": "a107",
    "info": "17Sk", "amount": "0.0021200000", "fee": "0.0000000000", "time": 1676754614,
    "status": "Success", "status-prop": "onhold",
}  # fmt: skip


def test_all_of_it_is_administration_and_cheap() -> None:
    names = ("DepositMethods", "DepositAddresses", "DepositStatus", "WithdrawMethods", "WithdrawAddresses",
             "WithdrawInfo", "WithdrawStatus")  # fmt: skip
    found = {(ENDPOINTS[name].cost, ENDPOINTS[name].purpose) for name in names}
    assert found == {(1.0, Purpose.ADMINISTRATION)}


def test_no_new_deposit_address_is_ever_asked_for() -> None:
    assert set(dict(funding.deposit_addresses("XXBT", "Bitcoin").fields)) == {"asset", "method"}


def test_a_limit_is_a_number_or_none() -> None:
    rows = [
        {"method": "Ether (Hex)", "limit": False, "fee": "0.0000000000", "minimum": "0.05"},
        {"method": "Wire", "limit": "250000.5"},
    ]
    free, limited = read(funding.deposit_methods("XETH"), ok(rows))
    assert (free.limit, free.minimum, free.fee) == (None, Decimal("0.05"), 0)
    assert (limited.limit, limited.minimum) == (Decimal("250000.5"), None)


def test_an_address_keeps_its_tag_or_memo() -> None:
    rows = [{"address": "r1", "expiretm": "0", "new": True, "tag": "136"}, {"address": "k", "memo": "415"}]
    first, second = read(funding.deposit_addresses("XXRP", "Ripple"), ok(rows))
    assert (first.tag, second.memo) == ("136", "415")


def test_a_deposit_keeps_amount_state_and_time() -> None:
    bare = {key: value for key, value in DEPOSIT.items() if key not in ("fee", "status-prop", "txid")}
    first, second = read(funding.deposit_status(SYMBOLS), ok([DEPOSIT, bare]))
    assert (first.asset, first.amount, first.fee) == ("BTC", Decimal("0.00212"), 0)
    assert (first.status, first.note, first.venue_ns) == ("Success", "onhold", 1676754614 * NS_PER_S)
    assert (second.fee, second.note, second.tx_id) == (None, "", "")
    assert dict(funding.withdraw_status(SYMBOLS, rest_asset="XXBT", after_s=5).fields) == {
        "asset": "XXBT", "start": "5",
    }  # fmt: skip


def test_what_a_withdrawal_would_cost_is_asked_with_plain_digits() -> None:
    endpoint = funding.withdraw_info("XXBT", "my wallet", Decimal("1E-7"))
    assert dict(endpoint.fields) == {"asset": "XXBT", "key": "my wallet", "amount": "0.0000001"}
    assert ("key", "***") in endpoint.masked


@pytest.mark.parametrize("text", ["EFunding:Unknown withdraw key", "EFunding:No funding method"])
def test_a_funding_error_is_a_plain_no(text: str) -> None:
    with pytest.raises(Rejected, match="EFunding"):
        read(funding.deposit_methods("XETH"), Response(200, (), f'{{"error":["{text}"]}}'.encode()))


@needs_vectors
def test_recorded_answers_are_read() -> None:
    methods = read(ENDPOINTS["DepositMethods"], fixture("kraken-rest-kraken-async-rs-011"))
    assert [method.limit for method in methods] == [None] * 7
    addresses = read(ENDPOINTS["DepositAddresses"], fixture("kraken-rest-jkorf-011"))
    assert (addresses[3].tag, addresses[4].memo) == ("1361101127", "4150096490")
    deposits = read(ENDPOINTS["DepositStatus"], fixture("kraken-rest-jkorf-012"))
    assert [deposit.note for deposit in deposits] == ["return", "onhold"]
    ways = read(ENDPOINTS["WithdrawMethods"], fixture("kraken-rest-kraken-async-rs-021"))
    assert (ways[3].asset, ways[3].network, ways[3].minimum) == ("BTC", "Bitcoin", Decimal("0.0004"))
    (address,) = read(ENDPOINTS["WithdrawAddresses"], fixture("kraken-rest-jkorf-020"))
    assert (address.asset, address.key, address.verified) == ("BTC", "btc-wallet-1", True)
    quote = read(ENDPOINTS["WithdrawInfo"], fixture("kraken-rest-kraken-async-rs-020"))
    assert (quote.amount, quote.fee) == (Decimal("0.7248"), Decimal("0.0002"))
    withdrawals = read(ENDPOINTS["WithdrawStatus"], fixture("kraken-rest-kraken-async-rs-022"))
    assert [one.status for one in withdrawals] == ["Pending", "Failure"]
