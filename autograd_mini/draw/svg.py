"""Graphviz's SVG made fit for a page: tooltips, a description, dark mode, and the frames of backpropagation."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from xml.etree import ElementTree

Element = ElementTree.Element

DECIMAL = re.compile(r"-?\d+\.\d+")
LEVEL = re.compile(r"^(M[-\d.]+,([-\d.]+))C[-\d.]+,\2 [-\d.]+,\2 ([-\d.]+,\2)$")  # a curve that is a line
XLINK = "{http://www.w3.org/1999/xlink}"
ElementTree.register_namespace("xlink", XLINK[1:-1])  # a link that a user adds is dead in HTML under any other prefix

# The colours of a picture, as DOT has them, and in the dark. All text is at least 4.5 : 1 against what is behind it.
LIGHT = {
    "white": "page", "#fefefe": "card", "#111111": "ink", "#666666": "grey", "#b3b3b3": "pale", "#0072b2": "blue",
    "#d55e00": "vermillion", "#b34e00": "rust",
}  # fmt: skip
DARK = {
    "page": "#16181d", "card": "#1f2329", "ink": "#e8e8e8", "grey": "#a3a8b0", "pale": "#5c626b", "blue": "#4fb3f0",
    "vermillion": "#f07a30", "rust": "#ff8f4d",
}  # fmt: skip


def declared(colors: dict[str, str]) -> str:
    """The colours as CSS variables."""
    return "".join([f"--am-{name}:{color};" for name, color in colors.items()])


DAY, NIGHT = declared({name: color for color, name in LIGHT.items()}), declared(DARK)
# JupyterLab's and VS Code's themes are settings of their own, which go before the system's.
THEMES = (
    f".am{{{DAY}}}@media (prefers-color-scheme:dark){{.am{{{NIGHT}}}}}"
    f'[data-jp-theme-light="true"] .am,.vscode-light .am{{{DAY}}}'
    f'[data-jp-theme-light="false"] .am,.vscode-dark .am{{{NIGHT}}}'
)

# What is seen from frame --f on (k), or until frame --u (u), at the frame --am-k; between whole frames it fades.
SEEN, GONE = "min(1,max(0,(var(--am-k) - var(--f) + 1)*3))", "min(1,max(0,(var(--u) - var(--am-k))*3 - 2))"
FRAMES = f".am .k{{opacity:calc({SEEN})}}.am .u{{opacity:calc({SEEN}*{GONE})}}"
PLAY = (
    '@property --am-k{syntax:"<number>";inherits:true;initial-value:9999}'
    "@keyframes am-play{from{--am-k:0}to{--am-k:calc(var(--am-n) + 1)}}"
    ".am-play{animation:am-play calc(var(--am-n)*1.2s + 1.2s) .8s linear both}"
    "@media (prefers-reduced-motion:reduce){.am-play{animation:none}}@media print{.am-play{animation:none}}"
)
LARGE = 4_000  # pixels from left to right: tenths of them are not seen
LEGIBLE = 0.6  # of its size: a picture that is shrunk to it can still be read
LAST = 9999  # a frame after all frames: what a picture shows that is not stepped through


@dataclass
class Frames:
    """When the parts of a picture are to be seen.

    Attributes:
        count: how many frames there are after the first.
        totals: by the id of a card, its gradient from each frame on: the frame, the number and its colour.
        seen: by the id of an element, the frame from which it is seen.
        active: by the id of a card, the frames in which it passes its gradient on.
        plays: whether the frames are shown one after another, once.
    """

    count: int
    totals: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    active: dict[str, list[int]] = field(default_factory=dict)
    plays: bool = False


def finished(svg: bytes, title: str, description: str, frames: Frames | None = None) -> bytes:
    """Graphviz's SVG with tooltips, a title, a description, colours for dark pages, and ids of its own."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for group in list(root.iter("g")):
        show_tooltip(group)
        if "card" in group.get("class", "").split():
            simplify(group)
        if group.get("class") == "node card":
            align_right(group)
    tidy(root)
    if frames:
        add_frames(root, frames)
    content = repr((ElementTree.tostring(root), title, description, frames))
    prefix = f"g{hashlib.sha256(content.encode()).hexdigest()[:8]}-"
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
    describe(root, prefix, title, description)
    style = Element("style")
    style.text = THEMES + paint(root) + (FRAMES if frames else "") + (PLAY if frames and frames.plays else "")
    root.insert(2, style)
    root.set("class", "am am-play" if frames and frames.plays else "am")
    variables = f";--am-k:{LAST};--am-n:{frames.count}" if frames else ""
    narrowest = round(LEGIBLE * float(root.get("width", "0")))  # on a smaller page, one scrolls
    root.set("style", f"max-width:100%;min-width:{narrowest}px;height:auto;border-radius:8px{variables}")
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def show_tooltip(group: Element) -> None:
    """Make the tooltip of a node or edge its <title>; drop Graphviz's own name for it."""
    heading, wrapper, link = group.find("title"), group.find("g"), group.find("g/a")
    if group.get("class") == "graph" and heading is not None:
        group.remove(heading)
    if heading is not None and wrapper is not None and link is not None and f"{XLINK}href" not in link.attrib:
        heading.text = link.get(f"{XLINK}title")
        group.remove(wrapper)
        group[1:1] = list(link)


def simplify(card: Element) -> None:
    """Make the outline of a card a <rect>, with a quarter of the bytes of Graphviz's <path>."""
    outline = card.find("path")
    if outline is not None:
        points = [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", outline.attrib.pop("d"))]
        (left, right), (top, bottom) = [(min(line), max(line)) for line in zip(*points, strict=True)]
        outline.tag = "rect"
        corner = right - points[0][0]  # where the upper edge, the first, begins
        sizes = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rx": corner}
        outline.attrib |= {name: f"{size:.1f}".removesuffix(".0") for name, size in sizes.items()}


def align_right(card: Element) -> None:
    """Align the right column of a card to the right, whatever font the reader has."""
    texts, outline = card.findall("text"), card.find("rect")
    if outline is None or not texts:
        return
    left = min(float(text.get("x", "0")) for text in texts)
    start, width = float(outline.get("x", "0")), float(outline.get("width", "0"))
    for text in texts:
        if float(text.get("x", "0")) > left + 1.0:
            text.set("text-anchor", "end")
            text.set("x", f"{start + width - (left - start):g}")


def tidy(root: Element) -> None:
    """Say the font once, and nothing that goes without saying: a third of the bytes."""
    shorten(root)
    for whole in root.findall("g"):
        for text in whole.findall("text"):
            if not (text.text or "").strip():  # between the marks of the legend
                whole.remove(text)
    for group in root.iter("g"):
        if "edge" in group.get("class", "").split():
            share_strokes(group)
    common = {"font-family": "Helvetica,Arial,sans-serif", "font-size": "13", "fill": "#111111"}
    for text in root.iter("text"):
        text.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)
        for name, value in {**common, "text-anchor": "start"}.items():
            if text.get(name) == value:
                del text.attrib[name]
    for group in root.findall("g"):
        group.attrib |= common
    for side in ("width", "height"):
        root.set(side, root.get(side, "").removesuffix("pt"))  # a point of DOT is a pixel of the page
    for element in root.iter():
        element.tail = None
        if element.tag not in ("text", "title", "desc"):
            element.text = None


def shorten(root: Element) -> None:
    """Take out of the geometry what nobody sees: hundredths of a pixel, and the point where a polygon closes."""
    is_large = float(root.get("width", "0").removesuffix("pt")) > LARGE
    for element in root.iter():
        if element.tag == "polygon":
            first, *others = element.get("points", "").split()
            if others and others[-1] == first:  # it is closed without
                element.set("points", " ".join([first, *others[:-1]]))
        for name in ("d", "points", "font-size", "stroke-width"):
            if name in element.attrib:
                digits = 0 if is_large and name in ("d", "points") else 1
                shorter = DECIMAL.sub(partial(short, digits), element.attrib[name])
                element.set(name, LEVEL.sub(r"\1L\3", shorter))
        if element.tag == "text":
            element.attrib |= {name: f"{float(element.get(name, '0')):.0f}" for name in ("x", "y")}


def short(digits: int, decimal: re.Match[str]) -> str:
    """A number with so many digits after the point, or none if that is zero."""
    return f"{float(decimal[0]):.{digits}f}".removesuffix(".0")


def share_strokes(edge: Element) -> None:
    """Say once how the line and the head of an arrow are drawn; beside a text, which would be drawn so too, twice."""
    line, head = edge.find("path"), edge.find("polygon")
    if line is not None and head is not None and edge.find("text") is None:
        for name in ("stroke", "stroke-width"):
            if name in line.attrib and line.get(name) == head.get(name):
                edge.set(name, line.attrib.pop(name))
                del head.attrib[name]


def paint(root: Element) -> str:
    """The rules that give each colour of the picture its variable."""
    used = {(element.get(side), side) for element in root.iter() for side in ("fill", "stroke")}
    rules = [(color, side, name) for color, name in LIGHT.items() for side in ("fill", "stroke")]
    return "".join([f'.am [{s}="{c}"]{{{s}:var(--am-{name})}}' for c, s, name in rules if (c, s) in used])


def describe(root: Element, prefix: str, title: str, description: str) -> None:
    """Give the picture a title and a description for those who do not see it."""
    for i, (tag, text) in enumerate({"title": title, "desc": description}.items()):
        element = Element(tag, id=prefix + tag)
        element.text = text
        root.insert(i, element)
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "role": "img"}
    root.attrib |= {"aria-labelledby": f"{prefix}title", "aria-describedby": f"{prefix}desc"}


# Frames.


def add_frames(root: Element, frames: Frames) -> None:
    """Mark what is seen from which frame on, and add what is seen in between only."""
    elements = {element.get("id"): element for element in root.iter("g")}
    for id, frame in frames.seen.items():
        if id in elements:
            appear(elements[id], frame)
    for id, totals in frames.totals.items():
        add_totals(elements[id], totals)
    for id, active in frames.active.items():
        add_rings(elements[id], active)


def appear(element: Element, frame: int, until: int | None = None) -> None:
    """Let an element be seen from a frame on, and not from another on."""
    kind = "k" if until is None else "u"
    element.set("class", f"{element.get('class', '')} {kind}".strip())
    element.set("style", f"--f:{frame}" + (f";--u:{until}" if until is not None else ""))
    if until is not None:
        element.set("opacity", "0")  # where there is no CSS, the last frame is seen


def add_totals(card: Element, totals: list[tuple[int, str, str]]) -> None:
    """Let the gradient on a card be what it is in each frame."""
    children = list(card)
    texts = [child for child in children if child.tag == "text"]
    if len(totals) < 2:
        return
    if not any(text.text == "grad" for text in texts):  # the histogram of many
        for child in children:
            if child.tag == "polygon" or child is texts[-1]:
                appear(child, totals[-1][0])
        return
    last = texts[[text.text for text in texts].index("grad") + 1]
    for (frame, shown, fill), (until, *_) in pairwise(totals):
        interim = Element("text", {**last.attrib, "fill": fill.lower()})
        interim.text = shown
        appear(interim, frame or -1, until)
        card.append(interim)
    for text in texts[texts.index(last) :]:
        appear(text, totals[-1][0])


def add_rings(card: Element, active: list[int]) -> None:
    """Draw a ring round a card while it passes its gradient on."""
    outline = card.find("rect")
    if outline is not None:
        for frame in active:
            ring = Element("rect", {**outline.attrib, "fill": "none", "stroke": "#111111", "stroke-width": "2.5"})
            appear(ring, frame, frame + 1)
            card.append(ring)
