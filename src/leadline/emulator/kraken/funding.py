"""The read-only half of Funding, with a few invented rows (dossier §14.4); nothing is ever moved out here."""

from __future__ import annotations

from typing import Any

from leadline.emulator.instruments import Pair, assets_of
from leadline.emulator.kraken.account_queries import Call
from leadline.emulator.kraken.form import Form
from leadline.emulator.market import Market
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.orders import Refused

FEE = "0.00020000"
Rows = list[dict[str, Any]]


class Funding:
    """The deposit and withdrawal queries; each takes a call and returns the `result`."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def deposit_methods(self, call: Call) -> Rows:
        rest_id = self._asset(call.form.needed("asset"))
        return [
            {
                "method": _method(rest_id),
                "limit": False,
                "fee": "0.0000000000",
                "gen-address": True,
                "minimum": "0.0001000000",
            }
        ]

    def deposit_addresses(self, call: Call) -> Rows:
        rest_id = self._asset(call.form.needed("asset"))
        if call.form.needed("method") != _method(rest_id):
            raise Refused("EFunding:No funding method")
        return [{"address": _address(rest_id), "expiretm": "0", "new": True}]

    def deposit_status(self, call: Call) -> Rows | dict[str, Any]:
        entries = [
            _movement("XXBT", "Success", call.now_ns - 86_400 * NS_PER_S),
            _movement("ZUSD", "Settled", call.now_ns - 172_800 * NS_PER_S) | {"status-prop": "onhold"},
        ]
        found = self._listed(call.form, entries)
        return {"deposit": found, "next_cursor": ""} if call.form.text("cursor") else found

    def withdraw_methods(self, call: Call) -> Rows:
        return [
            {"asset": rest_id, "method": _method(rest_id), "network": _method(rest_id), "minimum": "0.0004"}
            for rest_id in self._assets(call.form)
        ]

    def withdraw_addresses(self, call: Call) -> Rows:
        rows = [
            {
                "address": _address(rest_id),
                "asset": rest_id,
                "method": _method(rest_id),
                "key": _key(rest_id),
                "verified": True,
            }
            for rest_id in self._assets(call.form)
        ]
        key = call.form.text("key")
        return [row for row in rows if key in ("", row["key"])]

    def withdraw_info(self, call: Call) -> dict[str, str]:
        rest_id = self._asset(call.form.needed("asset"))
        if call.form.needed("key") != _key(rest_id):
            raise Refused("EFunding:Unknown withdraw key")
        amount = call.form.needed("amount")
        return {"method": _method(rest_id), "limit": "332.00956139", "amount": amount, "fee": FEE}

    def withdraw_status(self, call: Call) -> Rows | dict[str, Any]:
        found = self._listed(
            call.form,
            [_movement("XXBT", "Pending", call.now_ns - 3_600 * NS_PER_S) | {"key": _key("XXBT")}],
        )
        return {"withdrawal": found, "next_cursor": ""} if call.form.text("cursor") else found

    def _asset(self, name: str) -> str:
        for one in assets_of(self._pairs()):
            if name in (one.name, one.rest_id, one.altname):
                return one.rest_id
        raise Refused("EFunding:Unknown asset")

    def _assets(self, form: Form) -> list[str]:
        if "asset" in form:
            return [self._asset(form.text("asset"))]
        return [one.rest_id for one in assets_of(self._pairs())]

    def _listed(self, form: Form, entries: Rows) -> Rows:
        wanted = self._asset(form.text("asset")) if "asset" in form else ""
        since_s = form.integer("start")
        return [row for row in entries if wanted in ("", row["asset"]) and row["time"] >= since_s]

    def _pairs(self) -> list[Pair]:
        return [listing.pair for listing in self._market.listings.values()]


def _movement(rest_id: str, status: str, time_ns: int) -> dict[str, Any]:
    return {
        "method": _method(rest_id),
        "aclass": "currency",
        "asset": rest_id,
        "refid": f"FTQcuak-{rest_id}-{status}",
        "txid": _address(rest_id)[::-1],
        "info": _address(rest_id),
        "amount": "0.72485000",
        "fee": FEE,
        "time": time_ns // NS_PER_S,
        "status": status,
    }


def _method(rest_id: str) -> str:
    return "Bitcoin" if rest_id == "XXBT" else f"{rest_id} Network"


def _address(rest_id: str) -> str:
    return f"emulated{rest_id}address"


def _key(rest_id: str) -> str:
    return f"{rest_id.lower()}-wallet-1"
