"""What becomes of a REST request on its way, whatever the venue: turned away, answered otherwise, cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from leadline.emulator.fault_board import FaultBoard, RefusedConnect
from leadline.emulator.wire import Answer


def replied(board: FaultBoard, path: str, name: str, act: Callable[[], Answer]) -> Answer | RefusedConnect:
    """The answer to one request under the faults that are on; `act` has the venue carry it out.

    `name` is the call's, by which a lost answer is asked for.
    """
    refused = board.refused("rest")
    if refused is not None:
        return refused
    reply, instead = board.reply(path), None
    if reply is not None and (reply.body is not None or reply.status != 200):
        instead = Answer(reply.status, (reply.body or "").encode(), reply.delay_s)
        if not reply.accepted:
            return instead
    answer = act()
    if board.drops_answer(name):
        return RefusedConnect(None, executed=True)
    return instead or (answer if reply is None else replace(answer, delay_s=reply.delay_s))
