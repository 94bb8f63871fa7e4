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
TANGLED = 50_000  # columns of cards that its edges may cross together: 5 to 10 s of layout
QUICK = 2_000  # from here on curved edges take 0.5 s and more, straight ones a tenth of it
ON_CARD, IN_TOOLTIP = 28, 2_000  # characters of a label: as entities, DOT takes 2,700 of them in one string

# Blue and vermillion are told apart under the common colour-blindnesses; the sign is written beside them all the same.
BLUE, VERMILLION, GREY, PALE = "#0072B2", "#D55E00", "#666666", "#B3B3B3"

# White in dark notebooks too: their theme is a setting of their own that prefers-color-scheme knows nothing of.
PAGE = {"bgcolor": "white", "pad": "0.1"}
GRAPH = PAGE | {"rankdir": "LR", "nodesep": "0.5", "ranksep": "1.1", "outputorder": "edgesfirst"}
FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "13", "fontcolor": "#111111"}
CARD = {"class": "card", "shape": "box", "style": "rounded,filled", "color": PALE, "fillcolor": "white"}
CONSTANT = {"class": "constant", "shape": "plaintext", "width": "0", "height": "0", "margin": "0.05", "fontcolor": GREY}
EDGE = {"class": "operand", "color": PALE, "arrowsize": "0.6"}

ROWS = {row.name: row for row in TABLE}
BINDING = {"add": 1, "sub": 1, "neg": 1, "mul": 2, "div": 2, "pow": 3}  # how tightly an operator holds its operands

KNOWN = "name a file in .svg, .png, .pdf, .jpg, .gif, .eps or .json, or its source in .gv or .dot"
XLINK = "{http://www.w3.org/1999/xlink}"
ElementTree.register_namespace("xlink", XLINK[1:-1])  # a link that a user adds is dead in HTML under any other prefix

# Same input, same bytes: when a PDF and a PostScript file say they were made.
DATE = re.compile(rb"(?<=/CreationDate \(D:)\d{14}|(?<=%%CreationDate: )[^\r\n]*")

# What XML does not allow, and what turns the direction of the text that follows.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

layout_lock = threading.Lock()  # Graphviz has global state


def draw(root: Value) -> Drawing:
    """The graph that `root` was computed from, as a picture.

    Each node is a card with its label or a short formula, its operation, value and gradient, and an edge comes in from
    each operand, in order. A notebook shows the picture; `.save("y.svg")` writes it.

    Args:
        root: the node to draw, with all that it was computed from. Call its backward() first to see gradients.

    Raises:
        TypeError: if root is not a Value.
        ValueError: if the graph has more than 400 nodes, constants included, or edges too long to lay out.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> y = a * b + 1.0
    >>> y.backward()
    >>> print(draw(y).table)
    node     op     operands  value  grad
    a        input                2    −3
    b        input               −3    +2
    a·b      ×      a, b         −6    +1
    a·b + 1  +      a·b, 1       −5    +1
    """
    if not isinstance(root, Value):
        kind = type(root).__name__
        raise TypeError(f"draw() takes a Value, the result of a computation, not {kind}: {root!r:.60}")
    nodes = topological(root)
    attributes = GRAPH | layout_settings(nodes)
    names: dict[Value, str] = {}
    for node in nodes:
        names[node] = printable(node.label) if node.label else formula(node, names)
    title = f"Computation graph of {names[root] or ROWS[root.op].symbol}"
    words = {"title": title, "table": table(nodes, names)}
    drawing = Drawing(**words, graph_attr=attributes, node_attr=CARD | FONT, edge_attr=EDGE)
    ids = {node: f"n{i}" for i, node in enumerate(nodes)}
    for node in nodes:
        drawing.node(ids[node], card(node, names[node]), id=ids[node], tooltip=tooltip(node))
        for i, operand in enumerate(node.operands):
            place = f"operand {i + 1} of {len(node.operands)} of {ROWS[node.op].symbol}"
            if isinstance(operand, Value):
                start, name = ids[operand], names[operand]
            else:
                start, name = f"c{i}-{ids[node]}", number(operand)
                drawing.node(start, name, id=start, tooltip=hint(f"constant {operand!r}"), **CONSTANT)
            drawing.edge(start, ids[node], id=f"{start}-{ids[node]}-{i}", tooltip=hint(name, place))
    return drawing


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that draws without `dot` on PATH too, and whose SVG has tooltips and a description.

    >>> draw(Value(2.0, label="a")).title
    'Computation graph of a'
    """

    def __init__(self, *args: Any, title: str = "", table: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = title
        self.table = table

    def _copy_kwargs(self, **options: Any) -> dict[str, Any]:
        return {**super()._copy_kwargs(**options), "title": self.title, "table": self.table}

    def save(self, filename: Any = None, directory: Any = None, *, skip_existing: bool | None = False) -> str:
        """Write the picture in the format that the suffix of the file says; return the path.

        Args:
            filename: "y.svg", "y.png", "y.pdf", ...; with "y.gv", "y.dot" or None, write the source as graphviz does.
            directory: the folder that filename starts from.
            skip_existing: whether to leave a source file that exists as it is.

        Raises:
            ValueError: if Graphviz draws nothing of that suffix.
            OSError: if the file cannot be written.
            RuntimeError: if there is no Graphviz.

        >>> draw(Value(2.0)).save("y.doc")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: no picture format in 'y.doc': name a file in .svg, .png, .pdf, ...
        """
        path = Path(directory or self.directory, filename or self.filename)
        suffix = path.suffix[1:].lower()
        # skip_existing is None where graphviz's render() saves its source, under any name.
        is_source = filename is None or suffix in ("gv", "dot") or skip_existing is None
        if not is_source and suffix not in graphviz.FORMATS:
            raise ValueError(f"no picture format in {path.name!r}: {KNOWN}")
        try:
            if is_source:
                return str(super().save(filename, directory=directory, skip_existing=skip_existing))
            # Graphviz's own PostScript has Latin letters only; Cairo's has a minus sign too.
            path.write_bytes(self.pipe(suffix, renderer="cairo" if suffix in ("ps", "eps") else None, quiet=True))
        except graphviz.CalledProcessError as error:
            raise ValueError(f"Graphviz cannot draw {path.name!r}: {KNOWN} ({error})") from error
        except OSError as error:
            reason = f"cannot write the picture ({error.strerror}); name a file in a folder that you can write to"
            raise OSError(error.errno, reason, str(path)) from error
        return str(path)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """What a notebook shows: inline SVG, as tooltips are dead in the <img> JupyterLab makes of image/svg+xml."""
        svg = self.pipe("svg", encoding="utf-8")
        inline = f'<div style="overflow-x: auto">{svg}</div>'
        bundle = {"text/html": inline, "image/svg+xml": svg, "text/plain": self.table}
        kinds = set(bundle if include is None else include) - set(exclude or ())
        others: dict[str, Any] = super()._repr_mimebundle_(include=kinds - set(bundle))
        return {kind: data for kind, data in bundle.items() if kind in kinds} | others

    # The three places where graphviz's pipe(), render() and view() run `dot`.

    def _pipe_lines(self, engine: str, format: str, source: Iterable[str], **options: Any) -> bytes:
        del options["input_encoding"]
        picture = layout("".join(source), engine, format, **options)
        if format == "svg" and not options.get("renderer"):
            return accessible(picture, self.title, self.table)
        return DATE.sub(b"19700101000000", picture) if format in ("pdf", "ps", "eps") else picture

    def _pipe_lines_string(self, *args: Any, encoding: str, **options: Any) -> str:
        return self._pipe_lines(*args, input_encoding=encoding, **options).decode(encoding)

    def _render(self, engine: str, format: str, filepath: str, **options: Any) -> str:
        outfile, is_new = options.pop("outfile"), options.pop("raise_if_result_exists")
        options.pop("overwrite_filepath")
        kinds = filter(None, (options["formatter"], options["renderer"], format))
        path = Path(outfile or ".".join([filepath, *kinds]))
        if is_new and path.exists():
            raise graphviz.FileExistsError(f"output file exists: {str(path)!r}")
        path.write_bytes(self._pipe_lines(engine, format, self, input_encoding=None, **options))
        return str(path)


class GraphvizNotFound(graphviz.ExecutableNotFound):  # type: ignore[misc]
    """Nothing is installed that can lay out a picture."""

    def __init__(self, reason: object) -> None:
        RuntimeError.__init__(
            self,
            f"drawing needs Graphviz, but there is no `dot` on PATH and no pygraphviz ({reason}):"
            " run `pip install pygraphviz`, or install Graphviz from https://graphviz.org/download/",
        )


def layout_settings(nodes: list[Value]) -> dict[str, str]:
    """Settings that bound the time of the layout; the ValueError of a graph that nobody could read, or wait for.

    The time grows with the columns of cards that all edges cross together, in a layout with each node as far to the
    right as it can be. A loop of 100 steps that share a leaf took 52 s without nslimit, and takes 0.3 s with it.
    """
    advice = "draw a part of it, draw(node) of a node nearer to its inputs"
    n = len(nodes)
    if n <= LARGEST:
        n += sum(len(node.operands) - len(node.parents) for node in nodes)
    if n > LARGEST:
        raise ValueError(f"draw() shows at most {LARGEST} nodes, and this graph has {n}: {advice}")
    column = dict.fromkeys(nodes, 0)
    for node in reversed(nodes):
        for parent in node.parents:
            column[parent] = max(column[parent], column[node] + 1)
    crossed = sum(column[parent] - column[node] for node in nodes for parent in node.parents)
    if crossed > TANGLED:
        many = f"at most {TANGLED} columns of cards, and those of this graph cross {crossed}"
        raise ValueError(f"draw() shows graphs whose edges together cross {many}: {advice}")
    if crossed <= QUICK:
        return {"nslimit": "2"}
    return {"nslimit": f"{2 * QUICK / crossed:.2g}", "mclimit": "0.01", "splines": "line"}


# The words and numbers of a picture.


def card(node: Value, name: str) -> str:
    """The HTML-like label of a node: name and operation, value, gradient."""
    grad = node.grad
    tint = GREY if grad == 0.0 or not math.isfinite(grad) else BLUE if grad > 0.0 else VERMILLION
    rows = (
        (f"<B>{escaped(shortened(name, ON_CARD))}</B>" if name else "", font(GREY, escaped(ROWS[node.op].symbol))),
        (font(GREY, "value", 10), number(node.data)),
        (font(GREY, "grad", 10), font(tint, f"<B>{number(grad, '+')}</B>")),
    )
    row = '<TR><TD ALIGN="LEFT">{}</TD><TD WIDTH="8"></TD><TD ALIGN="RIGHT" WIDTH="64">{}</TD></TR>'
    cells = "".join(row.format(*pair) for pair in rows)
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="4">{cells}</TABLE>>'


def font(color: str, text: str, size: int = 13) -> str:
    """The text in a colour and size."""
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{text}</FONT>'


def number(x: float, sign: str = "") -> str:
    """A number in four digits, with a real minus sign; where sign is "+", with a plus sign too unless it is zero."""
    return f"{x:{sign}.4g}".replace("-", "−").replace("+nan", "nan") if x else "0"


def formula(node: Value, names: dict[Value, str]) -> str:
    """The formula of a computed node in the names of its operands; empty if one has none or if it would be long.

    >>> a = Value(2.0, label="a")
    >>> s = a - 1.0
    >>> formula(s * -3.0, {a: "a", s: "a − 1"})
    '(a − 1)·(−3)'
    """
    row, outer = ROWS[node.op], BINDING.get(node.op, 0)
    texts = []
    for operand in node.operands[:ON_CARD]:
        text = names[operand] if isinstance(operand, Value) else number(operand)
        if not text:
            return ""
        inner = BINDING.get(operand.op, 4) if isinstance(operand, Value) and not operand.label else 4
        loose = inner < outer or (inner == outer and node.op not in ("add", "mul")) or text.startswith("−")
        texts.append(f"({text})" if outer and loose else text)
    template = row.text.replace(" ** ", "^").replace(" * ", "·").replace("-", "−")
    text = template.format(a=texts[0], b=texts[-1], operands=", ".join(texts)) if texts else ""
    return text if len(text) < ON_CARD else ""


def table(nodes: list[Value], names: dict[Value, str]) -> str:
    """The graph as text: a line for each node."""
    known = {node: shortened(names[node], ON_CARD) or f"#{i}" for i, node in enumerate(nodes)}
    rows = [("node", "op", "operands", "value", "grad")]
    for node in nodes:
        operands = [known[operand] if isinstance(operand, Value) else number(operand) for operand in node.operands[:9]]
        listed = shortened(", ".join(operands), 2 * ON_CARD)
        rows.append((known[node], ROWS[node.op].symbol, listed, number(node.data), number(node.grad, "+")))
    a, b, c, d, e = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{r[0]:{a}}  {r[1]:{b}}  {r[2]:{c}}  {r[3]:>{d}}  {r[4]:>{e}}" for r in rows)


def tooltip(node: Value) -> str:
    """What a card says when pointed at: everything in full."""
    row = ROWS[node.op]
    lines = (f"{row.name}: {row.meaning}", f"value {node.data!r}", f"grad {node.grad!r}")
    return hint(node.label, *lines) if node.label else hint(*lines)


def hint(*lines: str) -> str:
    """The lines as a tooltip in DOT."""
    texts = [escaped(shortened(printable(line), IN_TOOLTIP)) for line in lines]
    # Graphviz takes the backslashes off twice.
    return r"\n".join(text.replace("\\", r"\\") for text in texts)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def printable(text: str) -> str:
    """The text with pictures of ASCII's control characters, ␊ for a newline, and � for what SVG cannot hold."""
    return UNPRINTABLE.sub(lambda match: chr(0x2400 + ord(match[0])) if match[0] < " " else "�", text)


def escaped(text: str) -> str:
    r"""The text as Graphviz takes it in HTML-like labels and tooltips: without tags, entities and escapes like \N."""
    return html.escape(text).replace("\\", r"\\")


# The layout, and what is done to its SVG.


def layout(source: str, engine: str, format: str, *, quiet: bool = False, **options: Any) -> bytes:
    """The picture of DOT source, by the `dot` on PATH if there is one, else by pygraphviz in this process."""
    if shutil.which("dot"):
        return bytes(graphviz.pipe(engine, format, source.encode(), quiet=quiet, **options))
    try:
        import pygraphviz
    except ImportError as error:
        raise GraphvizNotFound(error) from error
    kind = ":".join(filter(None, (format, options.get("renderer"), options.get("formatter"))))
    failure, picture = None, b""
    with layout_lock, heard() as lines:
        try:
            picture = pygraphviz.AGraph(string=source).draw(format=kind, prog=engine)
        except (ValueError, TypeError) as error:  # pygraphviz 2.0 trips over its own feet at an unknown format
            failure = error
    # A wheel's fontconfig finds the fonts, though it may complain of newer settings of the system's.
    told = "\n".join(line for line in lines if not line.startswith("Fontconfig warning: "))
    if failure:
        raise graphviz.CalledProcessError(1, ["pygraphviz", f"-K{engine}", f"-T{kind}"], stderr=told) from failure
    if told and not quiet:
        print(told, file=sys.stderr)
    return picture


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the lines that C code writes to stderr."""
    lines: list[str] = []
    try:
        stderr = os.dup(2)
    except OSError:  # a program without a console has none
        yield lines
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()


def accessible(svg: bytes, title: str, description: str) -> bytes:
    """Graphviz's SVG made fit for a page: tooltips that browsers show, a title, a description and ids of its own."""
    root = ElementTree.fromstring(svg)
    prefix = f"g{hashlib.sha256(svg).hexdigest()[:8]}-"
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    for group in list(root.iter("g")):
        heading, wrapper, link = group.find("title"), group.find("g"), group.find("g/a")
        if group.get("class") == "graph" and heading is not None:
            group.remove(heading)
        if heading is not None and wrapper is not None and link is not None and f"{XLINK}href" not in link.attrib:
            heading.text = link.get(f"{XLINK}title")
            group.remove(wrapper)
            group.extend(link)
    names = {"title": title, "desc": description}
    for i, (tag, text) in enumerate(names.items()):
        element = ElementTree.Element(tag, id=prefix + tag)
        element.text = text
        root.insert(i, element)
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "style": "border-radius: 8px"}
    root.attrib |= {"aria-labelledby": f"{prefix}title", "aria-describedby": f"{prefix}desc"}
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"
