"""The paper's numbers as data: shapes, and one cell of each table by hand."""

import pytest

from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3, gap_between


@pytest.mark.parametrize(
    ("key", "selection", "kind", "printed"),
    [
        ("at", "best", "clean", "82.3 ± 0.8 / 63.9 ± 1.6"),
        ("at_cfa", "best", "robust", "50.1 ± 0.3 / 24.4 ± 0.3"),
        ("trades_cfa", "last", "robust", "49.3 ± 0.1 / 21.5 ± 0.3"),
        ("fat_ema", "last", "clean", "85.7 ± 0.2 / 71.2 ± 0.4"),
        ("frl", "best", "clean", "82.8 ± 0.1 / 71.4 ± 2.4"),
    ],
)
def test_table_1_by_hand(key, selection, kind, printed):
    assert str(TABLE_1[key][selection][kind]) == printed


def test_tables_2_and_3_by_hand():
    assert str(TABLE_2["trades_ccm_ccr"]) == "49.2 / 23.8"
    assert str(TABLE_3["at_fawa"]) == "49.3 / 23.1"


def test_tables_agree_where_they_print_the_same_row():
    for table in (TABLE_2, TABLE_3):
        for key in set(table) & set(TABLE_1):
            full = TABLE_1[key]["best"]["robust"]
            assert (table[key].avg.mean, table[key].worst.mean) == (full.avg.mean, full.worst.mean)


def test_a_difference_is_a_fraction_with_the_error_of_what_is_printed():
    gap = gap_between("at_cfa", "at", "worst")
    assert gap.mean == pytest.approx(0.043)
    assert gap.error == pytest.approx((0.003**2 + 0.013**2) ** 0.5 / 5**0.5)  # five runs each
    assert gap_between("at_ccm", "at", "worst").error == 0
