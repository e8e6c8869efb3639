"""Where the recorded exchange messages are, for tests that use them; they are not part of the project."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "vectors"

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="recorded vectors (../shared/vectors) are absent"
)


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a capture or fixture file, its meta line included."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            yield json.loads(line)
