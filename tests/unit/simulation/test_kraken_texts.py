from __future__ import annotations

from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.net.http import Request
from leadline.simulation.kraken_texts import KRAKEN_TEXTS, names_in

NAME = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
ADD = Request("POST", "/0/private/AddOrder", body=f"nonce=1&cl_ord_id={NAME}".encode())


def test_names_are_client_ids_and_user_references() -> None:
    text = f'{{"method":"batch_add","params":{{"cl_ord_id":"{NAME}","order_userref":7}},"req_id":3}}'
    assert names_in(text) == KRAKEN_TEXTS.placed(text) == {NAME, "7"}
    assert KRAKEN_TEXTS.number(text) == "3"
    assert KRAKEN_TEXTS.placed(text.replace("batch_add", "cancel_order")) == set()
    assert KRAKEN_TEXTS.placed_by_rest(ADD) == {NAME}


def test_only_a_no_or_a_request_that_never_arrived_leaves_an_order_undone() -> None:
    assert KRAKEN_TEXTS.undone('{"success":false,"req_id":3}')
    assert not KRAKEN_TEXTS.undone('{"success":true,"req_id":3}')
    assert KRAKEN_TEXTS.refused(ADD, Answer(200, b'{"error":["EOrder:Rate limit exceeded"]}')) == {NAME}
    assert KRAKEN_TEXTS.refused(ADD, RefusedConnect(503)) == {NAME}
    assert KRAKEN_TEXTS.refused(ADD, RefusedConnect(None, executed=True)) == set()
    assert KRAKEN_TEXTS.refused(ADD, Answer(200, b'{"error":[],"result":{}}')) == set()
