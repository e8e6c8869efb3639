from __future__ import annotations

from leadline.core.samples import Sample, by_name, labelled


def test_labels_have_one_order() -> None:
    assert labelled(symbol="BTC/USD", channel="book") == labelled(channel="book", symbol="BTC/USD")


def test_samples_are_found_by_the_name_of_their_metric() -> None:
    first, second, other = Sample("a", (), 1), Sample("a", labelled(x="y"), 2), Sample("b", (), 3)

    assert by_name([first, other, second]) == {"a": [first, second], "b": [other]}
