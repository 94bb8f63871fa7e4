"""A graph of Values as a picture: one card per node, one edge per operand, laid out by Graphviz."""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import graphviz

from autograd_mini.ops import TABLE
from autograd_mini.value import Value, topological

MOST_NODES = 400  # more are no picture that anyone can read
MOST_CROSSINGS = 2000  # of edges over ranks, up to which Graphviz may take the time it wants
LONGEST = 28  # characters of a label on a card; the tooltip has all of it
FORMATS = ("svg", "png", "pdf", "jpg", "gif", "eps", "ps")
POSITIVE, NEGATIVE, NEITHER = "#0072B2", "#D55E00", "#595959"  # told apart under the common colour-blindnesses
ROWS = {row.name: row for row in TABLE}

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("xlink", XLINK[1:-1])


class LayoutError(RuntimeError):
    """There is no Graphviz that could lay a picture out."""


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that shows itself as SVG in notebooks and is laid out without a `dot` on PATH too."""

    summary: str = ""
    table: str = ""

    def save(self, filename: Any = None, directory: Any = None, *, skip_existing: bool | None = False) -> str:
        """Write the picture in the format of the file name's suffix, or the DOT source for .gv and .dot; its path.

        Raises:
            ValueError: for a suffix that is not known.
            OSError: if the file cannot be written.
        """
        suffix = Path(filename or "").suffix[1:].lower()
        if suffix in ("", "gv", "dot"):
            return str(super().save(filename, directory=directory, skip_existing=skip_existing))
        if suffix not in FORMATS:
            raise ValueError(f"cannot draw into {filename}: its suffix is none of {', '.join(FORMATS)}, gv, dot")
        path = Path(directory or "", filename)
        picture = self.svg(inline=False).encode("utf-8", "replace") if suffix == "svg" else self.pipe(suffix)
        path.write_bytes(picture)
        return str(path)

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **options: Any) -> Any:
        """The picture as bytes, or as text in the encoding given."""
        if shutil.which("dot"):
            return super().pipe(format, *args, encoding=encoding, **options)
        picture = laid_out(self.source, format or self.format)
        return picture if encoding is None else picture.decode(encoding)

    def render(self, filename: Any = None, directory: Any = None, **options: Any) -> str:
        """Write source and picture as graphviz does; the path of the picture."""
        if shutil.which("dot"):
            return str(super().render(filename, directory=directory, **options))
        source = super().save(filename, directory=directory)
        path = Path(f"{source}.{options.get('format') or self.format}")
        path.write_bytes(laid_out(self.source, path.suffix[1:]))
        if options.get("cleanup"):
            os.remove(source)
        return str(path)

    def svg(self, inline: bool = True) -> str:
        """The picture as SVG text; `inline` leaves out the XML heading, to stand in a page."""
        text = accessible(self.pipe("svg"), self.summary, self.table)
        return text if inline else f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, str]:
        # JupyterLab puts image/svg+xml into an <img>, where tooltips are dead: it takes text/html first.
        svg = self.svg()
        return {"text/html": svg, "image/svg+xml": svg, "text/plain": self.table}


def draw(root: Value) -> Drawing:
    """The graph that computed `root`, left to right: a card per Value, an edge per operand (x * x has two).

    A card shows label, operation, value and gradient; its tooltip has them in full. Constants are small plain numbers.

    Returns:
        A graphviz.Digraph that notebooks show as SVG; `.save("graph.svg")` writes it to a file.

    Raises:
        TypeError: if root is not a Value.
        ValueError: if there are more than 400 nodes.
        LayoutError: when it is shown or saved, if there is neither a `dot` on PATH nor pygraphviz.

    >>> a = Value(2.0, label="a")
    >>> picture = draw(a * a + 1.0)
    >>> picture.source.count(" -> ")
    4
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw() takes a Value, not {type(root).__name__}: {root!r:.60}")
    nodes = topological(root)
    if len(nodes) > MOST_NODES:
        raise ValueError(
            f"a graph of {len(nodes):,} nodes is too large to draw ({MOST_NODES} at most): draw a part of it,"
            " such as one neuron or the loss of one example"
        )
    places = {id(node): i for i, node in enumerate(nodes)}
    table = as_table(nodes)
    mark = hashlib.sha256(table.encode("utf-8", "replace")).hexdigest()[:8]
    effort = HASTE if crossings(nodes) > MOST_CROSSINGS else {}
    picture = Drawing("graph", graph_attr=GRAPH | effort | {"id": f"am{mark}"}, node_attr=CARD, edge_attr=EDGE)
    picture.summary = f"The graph of {heading(root) or 'a Value'}: {len(nodes)} values"
    picture.table = text_of(table)
    for i, node in enumerate(nodes):
        picture.node(f"n{i}", label=card(node), id=f"am{mark}n{i}", tooltip=hint(full(node)))
        for k, operand in enumerate(node.operands if node.op != "leaf" else ()):
            start = f"n{places[id(operand)]}" if isinstance(operand, Value) else f"c{i}_{k}"
            if not isinstance(operand, Value):
                picture.node(start, label=number(operand), id=f"am{mark}{start}", **CONSTANT)
            picture.edge(start, f"n{i}", id=f"am{mark}e{i}_{k}", tooltip=f"operand {k + 1} of {ROWS[node.op].name}")
    return picture


FONT = "Helvetica,Arial,sans-serif"
GRAPH = {"rankdir": "LR", "nodesep": "0.3", "ranksep": "0.6", "bgcolor": "white", "pad": "0.2"}
# Graphviz spends time on each rank that an edge crosses: a chain of 260 nodes with one shared leaf took 100 s, now 1.
HASTE = {"nslimit": "1e-6", "nslimit1": "1", "mclimit": "0.3", "splines": "line"}
CARD = {
    "shape": "box", "style": "rounded,filled", "fillcolor": "white", "color": "#8c8c8c", "fontname": FONT,
    "fontsize": "12", "margin": "0.06,0.03",
}  # fmt: skip
CONSTANT = {"shape": "plaintext", "style": "", "fontcolor": NEITHER, "tooltip": "a constant", "width": "0"}
EDGE = {"color": "#8c8c8c", "arrowsize": "0.6", "tailport": "e", "headport": "w"}


def crossings(nodes: list[Value]) -> int:
    """How many ranks, between those of an operand and a node, all edges pass together."""
    ranks: dict[int, int] = {}
    passed = 0
    for node in nodes:
        below = [ranks[id(parent)] for parent in node.parents]
        ranks[id(node)] = rank = max(below, default=-1) + 1
        passed += sum([rank - 1 - r for r in below])
    return passed


def card(node: Value) -> str:
    """The Graphviz label of a node: a table of label, operation, value and gradient."""
    top = cell(f"<b>{markup(heading(node))}</b>" if heading(node) else "", "left") + cell(
        f'<font color="{NEITHER}">{markup(ROWS[node.op].symbol)}</font>', "right"
    )
    value = cell(f'<font color="{NEITHER}">value</font>', "left") + cell(number(node.data), "right")
    colour = POSITIVE if node.grad > 0 else NEGATIVE if node.grad < 0 else NEITHER
    sign = "+" if node.grad > 0 else ""
    grad = cell(f'<font color="{NEITHER}">grad</font>', "left") + cell(
        f'<font color="{colour}"><b>{sign}{number(node.grad)}</b></font>', "right"
    )
    rows = "".join(f"<tr>{row}</tr>" for row in (top, value, grad))
    return f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{rows}</table>>'


def cell(content: str, align: str) -> str:
    """One cell of a card."""
    return f'<td align="{align}">{content}</td>'


def heading(node: Value) -> str:
    """What a card is called: its label, or where that is short, its formula; else nothing."""
    if node.label:
        return shortened(node.label)
    row = ROWS[node.op]
    names = [operand.label if isinstance(operand, Value) else f"{operand:.4g}" for operand in node.operands]
    if row.arity not in (1, 2) or not all(names):
        return ""
    formula = row.text.format(a=names[0], b=names[-1])
    return formula if len(formula) <= LONGEST // 2 else ""


def shortened(label: str) -> str:
    """A label in one line of at most LONGEST characters."""
    line = " ".join(text_of(label).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def text_of(label: str) -> str:
    """A label without the characters that XML does not allow."""
    printable = "".join(c if c in "\t\n\r" or (c >= " " and not "\x7f" <= c <= "\x9f") else "\ufffd" for c in label)
    return re.sub("[\ud800-\udfff\ufffe\uffff]", "\ufffd", printable)


def markup(text: str) -> str:
    """Text for a card; a space of no width keeps a backslash from starting one of Graphviz's escapes."""
    return escape(text_of(text), quote=True).replace("\\", "&#92;&#8203;")


def hint(text: str) -> str:
    """Text for a tooltip, of which Graphviz takes the escapes off twice."""
    return escape(text_of(text), quote=True).replace("\\", "&#92;" * 4)


def number(x: float) -> str:
    """A number for a card, with four digits and a true minus sign."""
    return f"{x:.4g}".replace("-", "−") if math.isfinite(x) else str(x).replace("-", "−")


def full(node: Value) -> str:
    """What a tooltip says of a node."""
    label = f"{node.label}: " if node.label else ""
    return f"{label}{ROWS[node.op].meaning}; value {node.data!r}, gradient {node.grad!r}"


def as_table(nodes: list[Value]) -> str:
    """The nodes as lines of text, for terminals and screen readers."""
    lines = [f"{'node':<{LONGEST}}  {'operation':<12}  {'value':>12}  {'grad':>12}"]
    for node in nodes:
        lines.append(f"{heading(node):<{LONGEST}}  {node.op:<12}  {node.data:>12.6g}  {node.grad:>12.6g}")
    return "\n".join(lines)


def accessible(svg: bytes, summary: str, description: str) -> str:
    """Graphviz's SVG with a title and a description, and with tooltips where browsers look for them, in <title>."""
    root = ElementTree.fromstring(svg)
    for group in list(root.iter(f"{SVG}g")):
        title, wrapper, link = (group.find(SVG + path.replace("/", f"/{SVG}")) for path in ("title", "g", "g/a"))
        if title is not None and wrapper is not None and link is not None:
            title.text = link.get(f"{XLINK}title")
            group.remove(wrapper)
            group.extend(link)
        elif title is not None:
            group.remove(title)  # of the whole graph: it has a better one
    for i, (tag, text) in enumerate((("title", summary), ("desc", description))):
        element = ElementTree.Element(SVG + tag)
        element.text = text
        root.insert(i, element)
    root.attrib |= {"role": "img", "style": "max-width: 100%; height: auto"}
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def laid_out(source: str, format: str) -> bytes:
    """The picture of a DOT source, by the Graphviz that pygraphviz carries."""
    try:
        pygraphviz = importlib.import_module("pygraphviz")
    except ImportError as error:
        raise LayoutError(
            "drawing needs Graphviz: pip install pygraphviz, or install `dot` from https://graphviz.org/download/"
        ) from error
    picture: bytes = pygraphviz.AGraph(string=source).draw(format=format, prog="dot")
    return picture
