"""Data that comes with the package: Fisher's irises."""

from __future__ import annotations

import csv
from importlib.resources import files

__all__ = ["iris"]


def iris() -> tuple[list[list[float]], list[int], list[str]]:
    """The measurements of 150 irises in cm, the number of each one's species (0, 1 or 2), and the three species' names.

    The four measurements are the length and width of the sepal and the length and width of the petal; 50 irises of
    each species follow one another, so shuffle them before they are split.

    Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7 (1936);
    README.md in this folder says which copy.

    >>> X, y, names = iris()
    >>> X[0], names[y[0]]
    ([5.1, 3.5, 1.4, 0.2], 'setosa')
    """
    text = files(__name__).joinpath("iris.csv").read_text(encoding="utf-8")
    _, *rows = csv.reader(text.splitlines())
    names = list(dict.fromkeys([row[-1] for row in rows]))
    return [[float(cell) for cell in row[:-1]] for row in rows], [names.index(row[-1]) for row in rows], names
