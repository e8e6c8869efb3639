"""What Kraken answers to trading requests, read by the request it belongs to.

An acknowledgement is read whole or counts as not understood, and then the venue may have acted.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from leadline.errors import Acted, AuthError, ProtocolError, Rejected, VenueError
from leadline.model.market import parse_time_ns
from leadline.model.order import OrderKey
from leadline.venues.kraken.refusals import venue_error
from leadline.venues.kraken.requests import decode_reply
from leadline.venues.kraken.wire import MOST_TEXT
from leadline.venues.ports import Placed


class Answer(Struct):
    """An answer to any request; anything but a true `success` is a no, but for a pong (dossier §2)."""

    method: str
    success: object = None
    error: str | None = None
    req_id: int | None = None
    result: Raw = Raw(b"null")
    orders_cancelled: int | None = None
    """What `batch_cancel` answered in 2024 in place of `result.count` (dossier §10.8)."""
    time_in: str | None = None
    time_out: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the venue took the request."""
        return self.success is True or (self.method == "pong" and self.success is None)

    @property
    def times_ns(self) -> tuple[int, int] | None:
        """When the venue took the request and when it answered, on its own clock; None if not told."""
        in_ns, out_ns = parse_time_ns(self.time_in), parse_time_ns(self.time_out)
        return None if in_ns is None or out_ns is None else (in_ns, out_ns)

    def refusal(self, wall_ns: int) -> VenueError:
        """The error its text means."""
        return venue_error((self.error or "no reason given")[:MOST_TEXT], wall_ns)


_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode_answer(frame: bytes) -> Answer:
    """An answer; raises one of `NOT_UNDERSTOOD` when the frame is none."""
    try:
        return _answers.decode(frame)
    except msgspec.ValidationError:
        reply = decode_reply(frame)
        return Answer(method=reply.method, success=reply.success, error=reply.error, req_id=reply.req_id)


class _Result(Struct):
    order_id: str | None = None
    cl_ord_id: str | None = None
    count: int | None = None
    maxratecount: int | None = None
    warnings: list[str] = []


class _BatchRow(Struct):
    order_id: str | None = None
    cl_ord_id: str | None = None
    error: str | None = None


def placed(answer: Answer, wall_ns: int) -> Placed:
    """The acknowledgement of `add_order`; raises the refusal, or ProtocolError where it names no order."""
    result = _result(answer, wall_ns)
    if result.order_id is None:
        raise _not_understood(answer, "it names no order")
    return Placed(result.order_id, tuple(result.warnings))


def taken(answer: Answer, wall_ns: int) -> None:
    """The acknowledgement of `amend_order` or `cancel_all_orders_after`; raises the refusal."""
    if not answer.ok:
        raise answer.refusal(wall_ns)


def order_threshold(answer: Answer) -> int | None:
    """The threshold of the order counter that the acknowledgement of executions tells; None without one."""
    try:
        return msgspec.json.decode(answer.result, type=_Result).maxratecount
    except msgspec.MsgspecError:
        return None


def cancelled_count(answer: Answer, wall_ns: int) -> int:
    """How many orders the venue cancelled, in either shape of the answer (dossier §10.5, §10.8).

    Raises the refusal, or ProtocolError where no count is told.
    """
    if answer.ok and answer.orders_cancelled is not None:
        return answer.orders_cancelled
    result = _result(answer, wall_ns)
    if result.count is None:
        raise _not_understood(answer, "it tells no count")
    return result.count


def batch_rows(answer: Answer, client_ids: Sequence[str], wall_ns: int) -> list[Placed | VenueError]:
    """The rows of a `batch_add`, in the order of the request; raises the refusal of the batch as a whole.

    assumed: a refused row has an `error`, as by REST; a row without that and without an order may have been
    acted on. Raises ProtocolError where rows are missing or are about other orders than those asked for.
    """
    if not answer.ok:
        raise answer.refusal(wall_ns)
    try:
        rows = msgspec.json.decode(answer.result, type=list[_BatchRow])
    except msgspec.MsgspecError as why:
        raise _not_understood(answer, str(why)) from why
    if len(rows) != len(client_ids):
        raise _not_understood(answer, f"{len(rows)} rows for {len(client_ids)} orders")
    for row, client_id in zip(rows, client_ids, strict=True):
        if row.cl_ord_id is not None and row.cl_ord_id != client_id:
            raise _not_understood(answer, "its rows are not in the order of the request")
    return [_row(row, wall_ns) for row in rows]


def _row(row: _BatchRow, wall_ns: int) -> Placed | VenueError:
    if row.error is not None:
        return venue_error(row.error[:MOST_TEXT], wall_ns)
    if row.order_id is not None:
        return Placed(row.order_id)
    silent = Rejected("the venue names neither an order nor a reason")
    silent.acted = Acted.MAYBE
    return silent


class CancelAnswers:
    """The answers to one `cancel_order` of several orders: in any order, and failures name no order (§10.4).

    Who was not confirmed is who failed, by elimination. A refusal that is not about an order (`EOrder`) is
    one of the whole request, and no further answer is waited for.
    """

    def __init__(self, keys: Sequence[OrderKey]) -> None:
        self._keys = tuple(keys)
        self._confirmed: set[OrderKey] = set()
        self._nameless = 0
        self._refusals: list[VenueError] = []
        self._refused_whole = False

    @property
    def complete(self) -> bool:
        """Whether no further answer is to be expected."""
        told = len(self._confirmed) + self._nameless + len(self._refusals)
        return self._refused_whole or told >= len(self._keys)

    def take(self, answer: Answer, wall_ns: int) -> None:
        """One more answer; a confirmation told twice counts once.

        Raises AuthError where the credential is refused: that is no word about any of the orders.
        """
        if not answer.ok:
            error = answer.refusal(wall_ns)
            if isinstance(error, AuthError):
                raise error
            self._refusals.append(error)
            self._refused_whole = self._refused_whole or not error.text.startswith("EOrder:")
            return
        result = _result(answer, wall_ns)
        names = {name for name in (result.order_id, result.cl_ord_id) if name}
        found = [key for key in self._keys if names & {key.order_id, key.client_id}]
        if found:
            self._confirmed.update(found[:1])
        else:  # found by its userref, which the answer need not repeat
            self._nameless += 1

    def outcomes(self) -> list[VenueError | None]:
        """Per key None where it was taken, else the refusal; with several refusals each key hears of all."""
        left = len(self._keys) - len(self._confirmed)
        error = None if self._nameless >= left else self._refusal()
        return [None if key in self._confirmed else error for key in self._keys]

    def _refusal(self) -> VenueError:
        texts = list(dict.fromkeys(error.text for error in self._refusals))
        if not self._nameless and len(texts) == 1:
            return self._refusals[0]
        several = Rejected("one of these: " + " / ".join(texts) if texts else "no answer names this order")
        several.acted = Acted.MAYBE
        return several


def _result(answer: Answer, wall_ns: int) -> _Result:
    if not answer.ok:
        raise answer.refusal(wall_ns)
    try:
        return msgspec.json.decode(answer.result, type=_Result)
    except msgspec.MsgspecError as why:
        raise _not_understood(answer, str(why)) from why


def _not_understood(answer: Answer, why: str) -> ProtocolError:
    error = ProtocolError(f"the answer to {answer.method} cannot be read: {why}", bytes(answer.result))
    error.acted = Acted.MAYBE
    return error
