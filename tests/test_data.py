"""Tests of the data that come with the package."""

from __future__ import annotations

import pytest

from autograd_mini import data

# The means of each species in cm, as Fisher gives them in the paper.
FISHERS_MEANS = {
    "setosa": [5.006, 3.428, 1.462, 0.246],
    "versicolor": [5.936, 2.770, 4.260, 1.326],
    "virginica": [6.588, 2.974, 5.552, 2.026],
}


def test_iris_is_150_rows_of_four_floats_with_50_of_each_species():
    X, y, names = data.iris()
    assert len(X) == len(y) == 150
    assert all(len(row) == 4 and all(type(x) is float for x in row) for row in X)
    assert names == ["setosa", "versicolor", "virginica"]
    assert y == [0] * 50 + [1] * 50 + [2] * 50 and all(type(t) is int for t in y)


@pytest.mark.parametrize("species", FISHERS_MEANS)
def test_iris_has_fishers_means(species):
    X, y, names = data.iris()
    rows = [x for x, t in zip(X, y, strict=True) if names[t] == species]
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    assert means == pytest.approx(FISHERS_MEANS[species], abs=1e-9)


def test_iris_has_fishers_values_where_the_uci_copy_is_wrong():
    X, _, _ = data.iris()
    assert X[34] == [4.9, 3.1, 1.5, 0.2]
    assert X[37] == [4.9, 3.6, 1.4, 0.1]


def test_iris_is_scikit_learns():
    bunch = pytest.importorskip("sklearn.datasets").load_iris()
    X, y, names = data.iris()
    assert X == bunch.data.tolist()
    assert y == bunch.target.tolist()
    assert names == bunch.target_names.tolist()


def test_iris_is_read_anew_so_that_a_change_stays_the_callers():
    data.iris()[0][0][0] = -1.0
    assert data.iris()[0][0][0] == 5.1
