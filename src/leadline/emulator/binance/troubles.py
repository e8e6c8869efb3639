"""How Binance says that what is behind its gate has failed: four kinds of 503, -1007 and -5028 (§2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from leadline.emulator.faults import Trouble


@dataclass(frozen=True, slots=True)
class Failure:
    """Status, code and text; `may_have_acted` where the request may have been executed all the same."""

    status: int
    code: int
    message: str
    may_have_acted: bool = False

    @property
    def body(self) -> bytes:
        return json.dumps({"code": self.code, "msg": self.message}, separators=(",", ":")).encode()


# assumed: the code of the first kind, which no recording shows
FAILURES: dict[Trouble, Failure] = {
    "unknown": Failure(
        503, -1000, "Unknown error, please check your request or try again later.", may_have_acted=True
    ),
    "unavailable": Failure(503, -1000, "Service Unavailable."),
    "internal": Failure(503, -1001, "Internal error; unable to process your request. Please try again."),
    "throttled": Failure(
        *(503, -1008),
        "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
        "Please try again.",
    ),
    "timeout": Failure(
        *(408, -1007),
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
        may_have_acted=True,
    ),
    "late": Failure(400, -5028, "Timestamp for this request is outside of the ME recvWindow."),
}
_CLOSING = {("LONG", "SELL"), ("SHORT", "BUY")}


def only_reduces(params: Mapping[str, str]) -> bool:
    """Whether an order is exempt from throttling: it can only make a position smaller, or is a cancel."""
    if "side" not in params:
        return True
    flags = (params.get("reduceOnly", ""), params.get("closePosition", ""))
    if "true" in (one.lower() for one in flags):
        return True
    return (params.get("positionSide"), params["side"]) in _CLOSING
