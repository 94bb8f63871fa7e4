"""A computation graph as a picture: one card per node, one edge per operand, laid out by Graphviz."""

from __future__ import annotations

import hashlib
import html
import math
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import graphviz

from autograd_mini.ops import TABLE
from autograd_mini.value import Value, topological

LARGEST = 400  # nodes in one picture
WIDEST = 50_000  # columns that all its edges may cross together: 5 to 10 s of layout
QUICK = 2_000  # the same where curved edges take 0.5 s to lay out and straight ones 0.1 s
LABEL_LENGTH, FORMULA_LENGTH = 24, 20  # characters on a card

# Blue and vermillion are told apart under the common colour-blindnesses; the sign is written beside them all the same.
BLUE, VERMILLION, GREY, RULE = "#0072B2", "#D55E00", "#666666", "#B3B3B3"

# The background stays white in dark notebooks too: their theme is a setting of their own, of which neither a picture
# nor the browser's prefers-color-scheme knows.
GRAPH = dict(rankdir="LR", nodesep="0.5", ranksep="1.1", pad="0.1", bgcolor="white", outputorder="edgesfirst")
NODE = dict(shape="box", style="rounded,filled", color=RULE, fillcolor="white", margin="0.07,0.03")
TEXT = dict(fontname="Helvetica,Arial,sans-serif", fontsize="12", fontcolor="#111111")
EDGE = dict(color=RULE, arrowsize="0.6", **{"class": "operand"})

ROWS = {row.name: row for row in TABLE}
BINDING = {"add": 1, "sub": 1, "neg": 1, "mul": 2, "div": 2, "pow": 3}  # how tightly each operator holds its operands
ATOM = 4  # the binding of a label, a constant or a function call

XLINK = "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("xlink", XLINK)  # else links that a user adds come out as ns0:href, dead in HTML

# Not allowed in XML, or turning the direction of the text that follows. ASCII's have pictures, as ␊ for a newline.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

layout_lock = threading.Lock()  # Graphviz has global state


def draw(root: Value) -> Drawing:
    """The graph that `root` was computed from, as a picture.

    Each node is a card with its label (or a short formula), its operation, its value and its gradient; an edge leads to
    it from each of its operands, in order. A notebook shows the picture; `.save("y.svg")` writes it.

    Args:
        root: the node to draw with all that it was computed from; call its backward() before to see gradients.

    Raises:
        TypeError: if root is not a Value.
        ValueError: if the graph has more than 400 nodes (constants included), or edges too long to lay out.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = a * b + 1.0
    >>> y.backward()
    >>> picture = draw(y)
    >>> print(picture.table)
    node     op     operands  value  grad
    a        input            2      −3
    b        input            −3     +2
    a·b      ×      a, b      −6     +1
    a·b + 1  +      a·b, 1    −5     +1
    >>> path = picture.save("y.svg")  # doctest: +SKIP
    """
    if not isinstance(root, Value):
        kind = type(root).__name__
        raise TypeError(f"draw() takes a Value, the result of a computation, not {kind}: {root!r:.60}")
    nodes = topological(root)
    check_size(nodes)
    names: dict[Value, str] = {}
    for node in nodes:
        names[node] = printable(node.label) if node.label else formula(node, names)
    drawing = Drawing(
        title=f"Computation graph of {shortened(names[root]) or ROWS[root.op].symbol}: nodes {len(nodes)}",
        table=table(nodes, names),
        graph_attr=GRAPH | layout_effort(crossed(nodes)),
        node_attr=NODE | TEXT,
        edge_attr=EDGE,
    )
    index = {node: f"n{i}" for i, node in enumerate(nodes)}
    for node in nodes:
        drawing.node(index[node], card(node, names[node]), id=index[node], tooltip=tooltip(node), **{"class": "card"})
        for i, operand in enumerate(node.operands):
            name = names[operand] if isinstance(operand, Value) else number(operand)
            hint = lines(f"operand {i + 1} of {len(node.operands)} of {ROWS[node.op].symbol}: {name}")
            if isinstance(operand, Value):
                start = index[operand]
            else:
                start = f"c{i}_{index[node]}"
                constant = lines(f"constant {operand!r}")
                drawing.node(start, number(operand), shape="plain", id=start, tooltip=constant, **{"class": "constant"})
            drawing.edge(start, index[node], id=f"{start}-{index[node]}-{i}", tooltip=hint)
    return drawing


class GraphvizNotFound(graphviz.ExecutableNotFound):  # type: ignore[misc]
    """Neither Graphviz nor pygraphviz is installed."""

    def __init__(self, reason: object) -> None:
        RuntimeError.__init__(
            self,
            f"drawing needs Graphviz, and there is no dot on PATH and no pygraphviz ({reason}): `pip install pygraphviz`"
            " brings it along, or install Graphviz from https://graphviz.org/download/",
        )


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that knows its title and its nodes as a table, and draws without `dot` on PATH too.

    Its .source, .pipe() and .render() are graphviz's own; SVG comes with tooltips and a description, fit for inlining.

    >>> draw(Value(2.0, label="a")).title
    'Computation graph of a: nodes 1'
    """

    def __init__(self, *args: Any, title: str = "", table: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = title
        self.table = table

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the picture in the format that the suffix of the file says; return the path.

        Args:
            filename: the file, such as "y.svg" or "y.png"; .gv and .dot, or no file at all, write the source.
            directory: the folder that filename starts from.
            skip_existing: of graphviz; for the source only.

        Raises:
            ValueError: if Graphviz has no format of that suffix.
            OSError: if the file cannot be written.
            RuntimeError: if there is no Graphviz to lay out the picture.

        >>> draw(Value(2.0)).save("picture.doc")
        Traceback (most recent call last):
        ValueError: no picture format 'doc' (of picture.doc): end the name in .svg, .png, .pdf, .jpg, .gif, .eps, ...
        """
        path = Path(directory if directory is not None else self.directory, filename or self.filename)
        suffix = path.suffix[1:].lower()
        # skip_existing is None where graphviz's render() writes the source to a file of any name.
        is_source = filename is None or suffix in ("gv", "dot") or skip_existing is None
        if not is_source and suffix not in graphviz.FORMATS:
            raise ValueError(unknown_format(suffix, path))
        try:
            if is_source:
                return str(super().save(filename, directory=directory, skip_existing=skip_existing))
            # Graphviz's own PostScript has no minus sign; Cairo's has.
            picture = self.pipe(suffix, renderer="cairo" if suffix in ("ps", "eps") else None)
            path.write_bytes(picture)
        except graphviz.CalledProcessError as error:
            raise ValueError(f"{unknown_format(suffix, path)}; Graphviz says: {error.stderr!r:.600}") from error
        except OSError as error:
            reason = f"cannot write the picture ({error.strerror}); name a file in a folder that exists and is yours"
            raise OSError(error.errno, reason, str(path)) from error
        return str(path)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **options: Any
    ) -> dict[str, bytes | str]:
        """What a notebook shows: the SVG inline (in an <img>, as JupyterLab shows image/svg+xml, tooltips are dead)."""
        svg = self.pipe("svg", encoding="utf-8")
        bundle = {
            "text/html": f'<div style="overflow-x: auto">{svg}</div>',
            "image/svg+xml": svg,
            "text/plain": self.table,
        }
        if include is not None:
            bundle |= super()._repr_mimebundle_(include=set(include) - bundle.keys())
        return {kind: data for kind, data in bundle.items() if kind in (include or bundle) and kind not in (exclude or ())}

    # The three places where graphviz's pipe(), render() and view() call `dot`.

    def _pipe_lines(self, engine: str, format: str, source: Iterable[str], input_encoding: str, **options: Any) -> bytes:
        picture = layout(engine, format, "".join(source), **options)
        if format == "pdf":
            return re.sub(rb"(/CreationDate \(D:)\d{14}", rb"\g<1>19700101000000", picture)  # same input, same bytes
        is_svg = format == "svg" and options.get("renderer") is None
        return accessible(picture, self.title, self.table).encode() if is_svg else picture

    def _pipe_lines_string(self, *args: Any, encoding: str, **options: Any) -> str:
        return self._pipe_lines(*args, input_encoding=encoding, **options).decode(encoding)

    def _render(self, engine: str, format: str, filepath: str, outfile: Any = None, **options: Any) -> str:
        ...
