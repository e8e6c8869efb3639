"""A million client ids over a hundred restarts: none comes twice, and every one has the venue's form."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid

from leadline.engine.orders import new_client_id

IDS = 1_000_000
RESTARTS = 100
FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_million_ids_over_a_hundred_restarts_never_collide() -> None:
    """An id depends on nothing that a restart could set back, so that a restart is a fresh call."""
    seen: set[bytes] = set()
    for _ in range(RESTARTS):
        for _ in range(IDS // RESTARTS):
            text = new_client_id()
            assert len(text) == 36
            seen.add(bytes.fromhex(text.replace("-", "")))
    assert len(seen) == IDS


def test_every_id_is_a_uuid_with_dashes() -> None:
    for _ in range(10_000):
        text = new_client_id()
        assert FORM.fullmatch(text)
        assert str(uuid.UUID(text)) == text


def test_processes_do_not_repeat_each_other() -> None:
    program = "from leadline.engine.orders import new_client_id as n; print(*[n() for _ in range(1000)])"
    told = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
        for _ in range(3)
    ]
    ids = " ".join(told).split()

    assert len(ids) == 3000
    assert len(set(ids)) == 3000
