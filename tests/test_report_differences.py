"""The table of differences is generated: every field exists, and its default is what the table shows."""

import pytest

from cfa_nb.differences import ROWS, default_of, differences_table, profile_changes, text_of
from cfa_nb.profiles import PROFILES


def test_all_rows_are_there_and_complete():
    table = differences_table()
    assert len(table) == len(ROWS) == 56
    assert table["Topic"].is_unique
    assert (table != "").all().all()
    assert not table["Here"].str.contains("{}", regex=False).any()


def test_defaults_are_read_from_the_fields():
    here = differences_table().set_index("Topic")["Here"]
    assert here["ε"] == "8/255"
    assert here["Start of CCM and CCR"] == "from epoch 11"
    assert here["When the rate falls"] == "after epochs 100, 150"
    assert here["Start of averages"] == "epoch 50"


def test_a_field_that_does_not_exist_is_an_error():
    with pytest.raises(LookupError, match="no_such"):
        default_of("no_such")


def test_text_of_values():
    assert [text_of(v) for v in (8 / 255, 0.15, (100, 150), True, 6.0)] == ["8/255", "0.15", "100, 150", "True", "6"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_tells_what_it_changes(name):
    table = profile_changes(PROFILES[name])
    assert {"dataset", "alpha", "attack of Tables 1-3", "Average.start, fawa"} <= set(table["Field"])
    assert (table.iloc[:, 1] != table.iloc[:, 2]).all()
