from __future__ import annotations

import random

from leadline.simulation.setup import drawn


def test_every_kind_of_client_comes() -> None:
    setups = [drawn(random.Random(seed)) for seed in range(200)]

    assert {setup.lines for setup in setups} == {1, 2, 3}
    assert {setup.private_lines for setup in setups} == {1, 2}
    assert {setup.redundant for setup in setups if setup.lines > 1} == {True, False}
    assert all(setup.redundant for setup in setups if setup.lines == 1)
    for rotations in ({s.rotate_after_s for s in setups}, {s.rotate_private_s for s in setups}):
        assert None in rotations
        assert len(rotations) > 20


def test_a_setup_is_its_seeds() -> None:
    assert drawn(random.Random("1/setup")) == drawn(random.Random("1/setup"))
