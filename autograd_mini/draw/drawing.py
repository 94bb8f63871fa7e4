"""A graphviz.Digraph that draws without `dot` on PATH too, and whose SVG is fit for a page."""

from __future__ import annotations

import base64
import html
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

import graphviz

from autograd_mini.draw.svg import Frames, finished

KNOWN = "name a file in .svg, .png, .pdf, .jpg, .gif, .eps or .json, or its source in .gv or .dot"

# Same input, same bytes: when a PDF and a PostScript file say they were made.
DATE = re.compile(rb"(?<=/CreationDate \(D:)\d{14}|(?<=%%CreationDate: )[^\r\n]*")

layout_lock = threading.Lock()  # Graphviz has global state


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A graphviz.Digraph that draws without `dot` on PATH too, and whose SVG has tooltips and a description.

    >>> Drawing(title="Nothing").title
    'Nothing'
    """

    def __init__(
        self, *args: Any, title: str = "", table: str = "", frames: Frames | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.title = title
        self.table = table
        self.frames = frames

    def _copy_kwargs(self, **options: Any) -> dict[str, Any]:
        own = {"title": self.title, "table": self.table, "frames": self.frames}
        return {**super()._copy_kwargs(**options), **own}

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

        >>> Drawing().save("y.doc")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: no picture format in 'y.doc': name a file in .svg, .png, .pdf, ...
        """
        path = Path(directory or self.directory, filename or self.filename)
        suffix = path.suffix[1:].lower()
        # skip_existing is None where graphviz's render() saves its source, under any name.
        is_source = filename is None or suffix in ("gv", "dot") or skip_existing is None
        if not is_source and suffix not in graphviz.FORMATS:
            raise ValueError(f"no picture format in {path.name!r}: {KNOWN}")
        with writing(path):
            if is_source:
                return str(super().save(filename, directory=directory, skip_existing=skip_existing))
            try:
                # Graphviz's own PostScript has Latin letters only; Cairo's has a minus sign too.
                path.write_bytes(self.pipe(suffix, renderer="cairo" if suffix in ("ps", "eps") else None, quiet=True))
            except graphviz.CalledProcessError as error:
                raise ValueError(f"Graphviz cannot draw {path.name!r}: {KNOWN} ({error})") from error
        return str(path)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """What a notebook shows: inline SVG, as tooltips are dead in the <img> JupyterLab makes of image/svg+xml."""
        svg = self.pipe("svg", encoding="utf-8")
        shown = in_notebook(svg, f'<img alt="{html.escape(self.title)}" src="{data_uri(svg)}">')
        bundle = {"text/html": shown, "image/svg+xml": svg, "text/plain": self.table}
        kinds = set(bundle if include is None else include) - set(exclude or ())
        others: dict[str, Any] = super()._repr_mimebundle_(include=kinds - set(bundle))
        return {kind: data for kind, data in bundle.items() if kind in kinds} | others

    # The three places where graphviz's pipe(), render() and view() run `dot`.

    def _pipe_lines(self, engine: str, format: str, source: Iterable[str], **options: Any) -> bytes:
        del options["input_encoding"]
        picture = layout("".join(source), engine, format, **options)
        if format == "svg" and not options.get("renderer"):
            return finished(picture, self.title, self.table, self.frames)
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


def in_notebook(rich: str, plain: str) -> str:
    """HTML that shows the rich part; in a notebook that is not trusted, which loses styles and inline SVG, the plain.

    The rich part is hidden until the style directly before it shows it, so that no style of another output does.
    """
    show = "style+.am-rich{display:block!important;overflow-x:auto}style+.am-rich+.am-plain{display:none!important}"
    hidden = f'<div class="am-rich" style="display:none">{rich}</div>'
    return f'<div><style>{show}</style>{hidden}<div class="am-plain">{plain}</div></div>'


def data_uri(svg: str) -> str:
    """The picture as the source of an <img>, which is left in a notebook that is not trusted."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


class GraphvizNotFound(graphviz.ExecutableNotFound):  # type: ignore[misc]
    """Nothing is installed that can lay out a picture."""

    def __init__(self, reason: object) -> None:
        RuntimeError.__init__(
            self,
            f"drawing needs Graphviz, but there is no `dot` on PATH and no pygraphviz ({reason}):"
            " run `pip install pygraphviz`, or install Graphviz from https://graphviz.org/download/",
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of an OSError that it was this file which could not be written, and what to do."""
    try:
        yield
    except OSError as error:
        reason = f"cannot write the picture ({error.strerror}); name a file in a folder that you can write to"
        raise OSError(error.errno, reason, str(path)) from error


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
