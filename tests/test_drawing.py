"""Drawings are made by either Graphviz, are saved in the format of their suffix, and say what is wrong otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pytest

from autograd_mini import draw
from autograd_mini.draw import Drawing, GraphvizNotFound
from tests.drawn import SVG, chain, example, groups

# The notebook.


def test_a_notebook_gets_inline_svg(graphviz_of):
    bundle = draw(example())._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert "<?xml" not in bundle["text/html"] and "<!DOCTYPE" not in bundle["text/html"]
    assert bundle["image/svg+xml"] in bundle["text/html"]
    svg = ElementTree.fromstring(bundle["image/svg+xml"])
    title, desc = svg[0], svg[1]
    assert groups(svg, "graph")["graph0"].find(f"{SVG}title") is None
    assert (title.tag, title.text) == (f"{SVG}title", "Computation graph of y")
    assert (desc.tag, desc.text) == (f"{SVG}desc", bundle["text/plain"])
    assert svg.get("role") == "img"
    assert (svg.get("aria-labelledby"), svg.get("aria-describedby")) == (title.get("id"), desc.get("id"))
    lines = bundle["text/plain"].splitlines()
    assert lines[0].split() == ["node", "op", "operands", "value", "grad"]
    assert len(lines) == 7 and lines[-1].split() == ["y", "tanh", "z", "0.883", "+1"]


def test_a_notebook_gets_what_it_asks_for(graphviz_of):
    drawing = draw(example())
    assert set(drawing._repr_mimebundle_(include=["image/png", "text/plain"])) == {"image/png", "text/plain"}
    assert set(drawing._repr_mimebundle_(exclude=["text/html"])) == {"image/svg+xml", "text/plain"}


# Files.


@pytest.mark.parametrize("kind", ["svg", "png", "pdf", "eps", "gv"])
def test_same_graph_same_bytes(graphviz_of, tmp_path, kind):
    written = [Path(draw(example()).save(tmp_path / f"{i}.{kind}")).read_bytes() for i in (0, 1)]
    assert written[0] == written[1]


def test_the_same_bytes_whatever_the_seed_of_hashes():
    program = "from tests.drawn import *; from autograd_mini import draw; y = loop(40);" + (
        "print(*(draw(y, max_nodes=n, animate=True).pipe('svg').decode() for n in (200, 30)))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "123"
    }
    assert len(printed) == 1 and len(*printed) > 10_000


def test_no_file_tells_the_time(graphviz_of):
    assert b"/CreationDate (D:19700101000000" in draw(example()).pipe("pdf")
    assert b"%%CreationDate: 19700101000000\n" in draw(example()).pipe("eps", renderer="cairo")


BEGINNINGS = {
    "svg": b"<svg", "png": b"\x89PNG", "PDF": b"%PDF", "jpg": b"\xff\xd8", "gif": b"GIF8", "eps": b"%!PS",
    "json": b"{", "gv": b"digraph", "dot": b"digraph",
}  # fmt: skip


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_save(graphviz_of, tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    assert draw(example()).save(path) == str(path)
    assert draw(example()).save(path.name, tmp_path) == str(path)
    if suffix in ("gv", "dot"):
        assert path.read_text(encoding="utf-8") == draw(example()).source
    assert path.read_bytes().startswith(BEGINNINGS[suffix])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["picture.doc", "picture", "picture.", ".svg"])
def test_a_suffix_that_is_no_format(tmp_path, name):
    with pytest.raises(ValueError, match=r"picture|svg.*\.svg, \.png, .*\.gv or \.dot"):
        draw(example()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_format_that_this_graphviz_does_not_draw(graphviz_of, tmp_path):
    with pytest.raises(ValueError, match=r"cannot draw 'x.exr': name a file in .svg.*not recognized"):
        draw(example()).save(tmp_path / "x.exr")
    with pytest.raises(graphviz.CalledProcessError, match="not recognized"):
        draw(example()).pipe("exr")


@pytest.mark.parametrize("suffix", ["svg", "gv"])
def test_a_path_that_cannot_be_written(graphviz_of, tmp_path, suffix):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write the picture .*; name a file in a folder.*file"):
        draw(example()).save(tmp_path / "file" / f"x.{suffix}")
    (tmp_path / f"x.{suffix}").mkdir()
    with pytest.raises(IsADirectoryError):
        draw(example()).save(tmp_path / f"x.{suffix}")


# What a graphviz.Digraph has.


def test_graphvizs_own_methods(graphviz_of, tmp_path):
    drawing = draw(example())
    assert drawing.pipe("svg").decode() == drawing.pipe("svg", encoding="utf-8") == drawing.copy().pipe("svg").decode()
    assert drawing.source.count(" -> ") == 2 * 6
    assert drawing.render(tmp_path / "graph", format="png", cleanup=True) == str(tmp_path / "graph.png")
    assert drawing.render(outfile=tmp_path / "other.svg") == str(tmp_path / "other.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.png", "other.gv", "other.svg"]
    assert (tmp_path / "other.svg").read_bytes() == drawing.pipe("svg")
    with pytest.raises(graphviz.FileExistsError, match=r"other\.svg"):
        drawing.render(outfile=tmp_path / "other.svg", raise_if_result_exists=True)


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_copy_of_an_animation_is_one(graphviz_of, suffix):
    drawing = draw(example(), animate=True)
    assert drawing.copy().pipe("svg") == drawing.pipe("svg") and b"am-play" in drawing.pipe("svg")
    assert drawing.pipe(suffix) == draw(example()).pipe(suffix)  # what does not move shows the end


def test_links_and_nodes_of_the_users_own(graphviz_of):
    drawing = draw(example())
    drawing.node("more", "read <more>", URL="https://example.org/", tooltip="there")
    drawing.edge("more", "n0", label="sees")
    svg = drawing.pipe("svg").decode()
    assert 'xlink:href="https://example.org/"' in svg and "xmlns:xlink" in svg and ">sees</text>" in svg
    assert ElementTree.fromstring(draw(example(), animate=True).pipe("svg")) is not None


def test_an_empty_drawing(graphviz_of):
    assert ElementTree.fromstring(Drawing(title="<nothing>").pipe("svg"))[0].text == "<nothing>"


# Graphviz.


def test_pygraphviz_writes_to_stderr_only_what_matters():
    pytest.importorskip("pygraphviz")
    # In a process of its own, as fontconfig complains once in each.
    program = "from autograd_mini import *; picture = draw(Value(-1.0)); picture.pipe('svg'); picture.pipe('ps')"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "non-Latin1" in done.stderr


def test_no_warnings_of_the_layout(graphviz_of, capfd):
    for root in (example(), chain(30)):
        draw(root).pipe("svg")
        draw(root, max_nodes=3).pipe("svg")
    told = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("Fontconfig")]
    assert told == []


def test_pygraphviz_in_threads(monkeypatch):
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", "")
    drawings, drawn = [draw(example()) for _ in range(8)], []
    threads = [threading.Thread(target=lambda d=d: drawn.append(d.pipe("svg"))) for d in drawings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [drawings[0].pipe("svg")] * 8


def test_no_graphviz_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    drawing = draw(example())
    for use in (drawing.pipe, drawing.render, drawing._repr_mimebundle_, lambda: drawing.save(tmp_path / "x.svg")):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(GraphvizNotFound, match=r"pip install pygraphviz`, or install .*graphviz\.org/download"):
            use()
    assert issubclass(GraphvizNotFound, (RuntimeError, graphviz.ExecutableNotFound))
    assert drawing.save(tmp_path / "x.gv")
