"""The table of rows by their labels is a dictionary that needs less memory."""

from __future__ import annotations

import numpy as np
import pytest

from detector.row_table import RowTable
from detector.series import SeriesIndex
from tests.grids import grid_keys, schema_of


@pytest.mark.parametrize("seed", range(5))
def test_a_table_equals_its_naive_twin(seed: int) -> None:
    """Codes that come in several lots, found one by one and many at once; unknown ones, -1 among them, are not."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(1 << 40, 200, replace=False)
    table = RowTable()
    naive: dict[int, int] = {}
    for low in range(0, 200, 40):
        some = np.sort(codes[low : low + 40])
        table.add(some, low + np.arange(40))
        naive |= {int(code): low + i for i, code in enumerate(some)}
    asked = np.concatenate([codes, [-1, 0, 1 << 41]])

    assert naive == dict(table)
    assert [naive.get(int(c), -1) for c in asked] == table.find(asked).tolist()
    assert all(table.get(int(c)) == naive.get(int(c)) for c in asked)
    assert RowTable().find(asked).tolist() == [-1] * len(asked)


@pytest.mark.parametrize("step", [1, 4, 100])
def test_rows_come_in_the_order_of_admission(step: int) -> None:
    """Leaves in the order of their keys, one row for two keys of equal labels; each level's table knows its rows."""
    index = SeriesIndex(schema_of(3, families=True))
    keys = grid_keys(3, 4, 2)
    for low in range(0, len(keys), step):
        index.admit(keys[low : low + step])
    level_of, codes, levels = index.structure()

    assert list(index.rows) == keys
    assert sorted(index.rows.values()) == list(index.rows.values())
    for row in range(len(index)):
        metric, level = levels[level_of[row]]
        assert row == index.row_table(metric, level)[int(index.combine(codes[:, row : row + 1].astype(np.int64))[0])]
    assert sum(len(index.row_table(*key)) for key in levels) == len(index)
