"""`leadline bench --soak` for a few seconds: everything it does, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys

from leadline.bench.soak import LEEWAY
from leadline.bench.soaking import LINES, READ

COMMAND = (sys.executable, "-c", "from leadline.cli.main import main; main()", "bench", "--soak")


def test_a_few_seconds_at_full_load_leave_nothing_behind() -> None:
    ended = subprocess.run(
        (*COMMAND, "0.07", "--json"), capture_output=True, text=True, timeout=90, check=False
    )

    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["problems"] == []
    assert found["lines"] == LINES and found["messages"] > 1000
    assert (found["cuts"], found["joined"]) == (0, 3)
    assert found["before"]["streams"] == 4 * len(READ)
    assert all(found["after"][name] <= found["before"][name] + LEEWAY for name in found["before"])
    assert found["kept_last"]["orders"] >= found["kept_first"]["orders"] > 50
    assert found["memory_empty_mb"] > 0 and 0 < found["memory_first_mb"] <= found["memory_most_mb"]
    assert 0 < found["delivery_p99_us"] <= 1000 * found["delivery_max_ms"]
    assert "MB" in ended.stderr and "giving everything back" in ended.stderr
