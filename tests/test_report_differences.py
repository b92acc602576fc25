"""The table of differences is generated: every field exists, and its default is what the table shows."""

import pytest

from cfa_nb.runs.profiles import profile_named
from cfa_pages.results.differences import DIFFERENCES, differences_table, profile_changes


def changes(name):
    """{field: (default, value)} of a profile's table."""
    table = profile_changes(profile_named(name))
    assert table["Field"].is_unique
    return {field: (default, value) for field, default, value in table.itertuples(index=False)}


def test_all_rows_are_there_and_complete():
    table = differences_table()
    assert len(table) == len(DIFFERENCES) == 56
    assert table["Topic"].is_unique
    assert set(table["Part"]) == {"main", "small print"}
    assert (table != "").all().all()
    assert not table["Default here"].str.contains("{}", regex=False).any()


@pytest.mark.parametrize(
    ("name", "label"),
    [("fashion", "targeted PGD-20"), ("cifar10", "AA"), ("cifar10-quick", "AA, 100 images a class"),
     ("cifar10-rehearsal", "AA-fast, 1 image a class")],
)  # fmt: skip
def test_the_attack_of_the_tables_is_named_as_on_their_pages(name, label):
    assert changes(name)["attack of Tables 1-3"] == ("AA", label)


def test_profiles_and_variants_add_what_they_change_and_nothing_else():
    paper = {"runs of TRADES + CCM and TRADES + CCR, Table 2": ("5", "1"), "attack of Tables 1-3": ("AA", "AA")}
    assert changes("cifar10") == paper
    assert changes("cifar10+release") == paper | {
        "repeat_forwards": ("False", "True"),
        "lambda_1, trades only": ("0.3", "0.5"),
        "lambda_1, fat only": ("0.7", "0.5"),
        "Average.decay, ema": ("0.85", "0.88"),
        "Average.start, ema": ("50", "1"),
        "Average.decay, fawa": ("0.85", "0.88"),
        "Average.start, fawa": ("50", "1"),
        "Average.init, fawa": ("first", "random"),
        "Average.threshold, fawa": ("0.2", "0.24"),
    }
    assert changes("cifar10+scaled-alpha") == paper | {"alpha": ("2/255", "2/255 (0.25 of a run's eps)")}


def test_what_one_objective_changes_alone_is_said_so():
    fashion = changes("fashion")
    assert fashion["lr, trades only"] == ("0.1", "0.3")
    assert fashion["epochs"] == ("200", "30")
    assert fashion["epochs, frl only"] == ("40", "10")
    assert fashion["eval_alpha"] == ("2/255", "2.75/255")
    assert fashion["alpha"] == ("2/255", "5.5/255 (0.5 of a run's eps)")
