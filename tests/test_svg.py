"""The SVG of a picture is fit for a page: small, in its own colours by day and by night, with ids of its own."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import autograd_mini as am
from autograd_mini import Value, draw, steps
from autograd_mini.draw.svg import DARK, LIGHT
from tests.drawn import PREFIX, SVG, chain, example, groups, loop, svg_of, tip

GOLDEN = Path(__file__).parent / "golden"


def unlike() -> Value:
    """Zero, infinite and negative slopes, constants, a square, and a gradient of before."""
    x = Value(0.0, label="x")
    y = x.sqrt() + am.mean([x * x, 1.0, -2.0 * x.relu()])
    y.backward()
    x.grad = 5.0
    return y


def folded() -> Value:
    """A chain that is drawn on three cards."""
    root = chain(9)
    root.backward()
    return root


EXAMPLES = {
    "sketch": lambda: draw(example()),
    "unlike": lambda: draw(unlike()),
    "folded": lambda: draw(folded(), max_nodes=3),
    "steps": lambda: steps(example(), times=2).drawing,
}


def marks_of(element: ElementTree.Element) -> list[str]:
    """The attributes that say how an element looks and when."""
    seen = ("fill", "stroke", "stroke-dasharray", "stroke-width", "style", "font-weight")
    kind = ["class"] if element.tag != f"{SVG}g" else []
    marks = [f"{name}={element.attrib[name]}" for name in [*seen, *kind] if name in element.attrib]
    return [mark for mark in marks if mark not in ("stroke=transparent", "stroke=none")]  # as Graphviz is old or new


def structure(svg: ElementTree.Element) -> str:
    """The picture without its geometry: groups in order, with id, class, title, and the texts and marks in them."""
    lines = [f"title: {svg.findtext(f'{SVG}title')}", *(svg.findtext(f"{SVG}desc") or "").splitlines()]
    for group in svg.iter(f"{SVG}g"):
        lines.append("")
        lines.append(" ".join([PREFIX.sub("", group.attrib["id"]), f"[{group.get('class')}]", *marks_of(group)]))
        lines += [f"  | {line}" for line in tip(group).splitlines()]
        for element in group:
            if element.tag in (f"{SVG}g", f"{SVG}title"):
                continue
            text = repr((element.text or "").replace("\xa0", " ")) if element.tag == f"{SVG}text" else ""
            if text != "' '" and text != "'   '":
                lines.append(" ".join(filter(None, [" ", element.tag.removeprefix(SVG), text, *marks_of(element)])))
    return "\n".join([line.rstrip() for line in lines]) + "\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden_pictures(graphviz_of, name):
    """Rewrite tests/golden/*.txt after a change that is meant: python -m tests.test_svg."""
    assert structure(svg_of(EXAMPLES[name]())) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_no_golden_picture_is_left_over():
    assert {path.stem for path in GOLDEN.iterdir()} == set(EXAMPLES)


# Ids.


def test_no_id_is_there_twice(graphviz_of):
    pictures = [
        draw(example()),
        draw(example(), animate=True),
        draw(Value(2.0, label="a")),
        draw(Value(2.0, label="b")),
    ]
    pictures += [steps(example()).drawing, steps(example(), times=2).drawing, draw(example(), max_nodes=2)]
    ids = [element.attrib["id"] for picture in pictures for element in svg_of(picture).iter() if "id" in element.attrib]
    assert len(ids) > 20 and len(set(ids)) == len(ids)


def test_what_refers_to_an_id_refers_to_one_of_its_own():
    svg = svg_of(draw(example()))
    ids = {element.get("id") for element in svg.iter()}
    assert {svg.get("aria-labelledby"), svg.get("aria-describedby")} <= ids
    assert "url(#" not in ElementTree.tostring(svg, encoding="unicode")


def test_every_card_and_ribbon_says_what_it_is():
    svg = svg_of(draw(unlike()))
    for group in [*groups(svg, "node").values(), *groups(svg, "edge").values()]:
        assert group[0].tag == f"{SVG}title" and group[0].text
    assert all("onclick" not in element.attrib and not element.tag.endswith("}a") for element in svg.iter())


# Colours.


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    dark, light = sorted([luminance(a), luminance(b)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ink", ["ink", "grey", "blue", "rust"])
@pytest.mark.parametrize("behind", ["page", "card"])
def test_text_can_be_read_by_day_and_by_night(ink, behind):
    day = {name: color.replace("white", "#ffffff") for color, name in LIGHT.items()}
    assert contrast(day[ink], day[behind]) >= 4.5 and contrast(DARK[ink], DARK[behind]) >= 4.5
    assert set(day.values()) >= {"#0072b2", "#d55e00"} and set(DARK) == set(LIGHT.values())


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_colour_has_one_in_the_dark(graphviz_of, make):
    svg = svg_of(make())
    used = {(side, element.get(side, "none")) for element in svg.iter() for side in ("fill", "stroke")}
    assert {color for _, color in used} - {"none", "transparent"} <= set(LIGHT)
    style = svg.findtext(f"{SVG}style")
    for side, color in used:
        assert color not in LIGHT or f'.am [{side}="{color}"]{{{side}:var(--am-{LIGHT[color]})}}' in style
    assert "@media (prefers-color-scheme:dark)" in style


def test_all_of_the_page_is_painted(graphviz_of):
    page = next(svg_of(draw(example())).iter(f"{SVG}polygon"))
    assert page.get("fill") == "white"


# Size.


@pytest.mark.parametrize("root, flows, most", [(chain(60), 59, 60_000), (loop(28), 84, 72_000)], ids=["chain", "loop"])
def test_sixty_cards_are_small(graphviz_of, root, flows, most):
    root.backward()
    drawn = draw(root).pipe("svg")
    svg = ElementTree.fromstring(drawn)
    assert len(groups(svg, "card")) > 55 and len(groups(svg, "flow")) == flows
    assert len(drawn) < most


def test_numbers_of_the_geometry_are_short():
    svg = draw(example()).pipe("svg").decode()
    paths = " ".join(re.findall(r' (?:d|points)="([^"]*)"', svg))
    assert not re.search(r"\.\d\d|\.0\b", paths)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, make in EXAMPLES.items():
        (GOLDEN / f"{name}.txt").write_text(structure(svg_of(make())), encoding="utf-8")
