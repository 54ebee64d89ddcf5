"""Positions are read as they were packed, however many need more than a byte."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.arrays import Arrays, write_arrays
from index.places import Positions, pack_positions

SMALL, LARGE = st.integers(0, 255), st.integers(0, 1 << 20)


@given(
    positions=st.lists(SMALL, max_size=60).flatmap(
        lambda most: st.lists(LARGE, max_size=5).map(lambda few: most[:30] + few + most[30:])
    ),
    data=st.data(),
)
def test_positions_are_read_as_they_were_packed(positions: list[int], data: st.DataObject) -> None:
    packed = pack_positions(np.array(positions, np.int64))
    with TemporaryDirectory() as folder:
        write_arrays(Path(folder, "a"), packed, {})
        read = Positions(Arrays(Path(folder, "a")))
    start = data.draw(st.integers(0, len(positions)))
    end = data.draw(st.integers(start, len(positions)))
    assert read.between(start, end).tolist() == positions[start:end]
    places = data.draw(st.lists(st.integers(0, len(positions) - 1), max_size=20)) if positions else []
    assert read.take(np.array(places, np.int64)).tolist() == [positions[place] for place in places]


@pytest.mark.parametrize(("wide", "apart"), [(0, False), (1, True), (16, True), (17, False), (100, False)])
def test_only_a_few_are_kept_apart(wide: int, apart: bool) -> None:
    packed = pack_positions(np.array([7] * (100 - wide) + [300] * wide))
    assert ("wide_positions" in packed) is apart
    assert packed["positions"].dtype == (np.uint16 if wide and not apart else np.uint8)
