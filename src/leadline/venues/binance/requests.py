"""What we ask of a connection for streams, and its answers.

Rule: an answer proves that the connection lives, never that a stream does (dossier §10.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from leadline.core.subscriptions import Pace, Verb

PACE = Pace(per_s=3.0, burst=2, batch=200)
"""Five messages in any second, half of what the venue bears; 200 names in each (dossier §10.1)."""

MOST_STREAMS = 1000
"""Streams on one connection; the venue closes it at the 1025th (dossier §10.1)."""

TOO_MANY_STREAMS = 4
"""The code of that refusal; the venue ends the connection with it."""

PING_ID = 0
"""The number of every ping; requests are numbered from 1."""

PING = '{"method":"GET_PROPERTY","params":["combined"],"id":0}'
"""The least that is answered with a text; answers of the WebSocket layer are not seen here."""


class WireRefusal(Struct):
    code: int
    msg: str = ""


class Reply(Struct, rename={"request_id": "id", "event": "e"}):
    """What comes beside the streams we hear: an answer, which is a yes without `error`, or other news."""

    request_id: int | None = None
    error: WireRefusal | None = None
    event: str = ""
    stream: str = ""

    @property
    def understood(self) -> bool:
        """Whether this is an answer, or the word that the connection will end, which will be seen."""
        return self.request_id is not None or self.error is not None or self.event == "serverShutdown"


_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)

decode_reply = _replies.decode
"""What comes beside the streams; raises one of `wire.NOT_UNDERSTOOD` for what is no object."""


class _Request(Struct):
    method: str
    params: Sequence[str]
    id: int


def encode(verb: Verb, names: Sequence[str], request_id: int) -> str:
    """A request to begin or to end streams."""
    method = "SUBSCRIBE" if verb is Verb.SUBSCRIBE else "UNSUBSCRIBE"
    return msgspec.json.encode(_Request(method, names, request_id)).decode()
