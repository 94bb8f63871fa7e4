"""A scene as a drawing: cards, ribbons of gradient, chips with the chain rule on them, and a legend."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

from autograd_mini.draw.drawing import Drawing
from autograd_mini.draw.scene import Card, Flow, Scene, adds_up, spread
from autograd_mini.draw.svg import Frames
from autograd_mini.nudge import is_stale
from autograd_mini.ops import TABLE
from autograd_mini.text import number, printable, shortened, signed
from autograd_mini.value import op_of

CHIPS = 15  # cards in a picture whose edges have room for formulas
ON_CARD, IN_TOOLTIP = 28, 2_000  # characters of a label: as entities, DOT takes 2,700 of them in one string
ON_CHIP = 48  # characters of a local derivative in names and in numbers; without the numbers if it is longer
TERMS = 4  # of a sum that is written out
TANGLED = 2_000  # columns of cards that the edges cross together: from here on curves take 0.5 s and more
# Beyond these a layout takes more than 3 s: 13 s for 36,000 columns, 26 s for 1,200 ribbons among a hundred nodes.
# Cards of many, in layers, are quick: 0.6 s for 1,100 ribbons.
MOST_CARDS, MOST_RIBBONS, MOST_COLUMNS = 2_000, 600, 16_000
WIDEST, THINNEST, SLIM = 7.0, 1.0, 3.0  # points, and the widest in a picture with a CROWD of flows
CROWD = 40

# Blue and vermillion are told apart under the common colour-blindnesses; the sign is written beside them all the same.
# Text in vermillion is darker: 5.2 : 1 on white.
BLUE, VERMILLION, RUST, GREY, PALE, INK = "#0072B2", "#D55E00", "#B34E00", "#666666", "#B3B3B3", "#111111"

GRAPH = {"rankdir": "LR", "bgcolor": "white", "pad": "0.15", "outputorder": "edgesfirst", "labeljust": "l"}
SIZE, SMALL = 13, 11
FONT = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": f"{SIZE}", "fontcolor": INK}
CARD = {"class": "card", "shape": "box", "style": "rounded,filled", "color": PALE, "fillcolor": "#FEFEFE"}
CONSTANT = {"class": "constant", "shape": "plaintext", "width": "0", "height": "0", "margin": "0.05", "fontcolor": GREY}
OPERAND = {"class": "operand", "color": PALE, "arrowsize": "0.6"}
STALE = "Data of a leaf was changed since: what was computed from it is of before. Compute it again."
FOREIGN = "Some gradients are of another result's backward(), or set by hand: call backward() of this one."
NO_GRADIENTS = "No gradients yet: call backward() of the result, then draw it again."
CHAIN_RULE = "Backwards along each edge: upstream gradient × local derivative = contribution; a gradient is their sum."
BARS, BAR_HEIGHT, BAR_WIDTH = 8, 16, 6  # of a folded card's histogram, in points


def picture(scene: Scene, title: str, table: str, frames: Frames | None = None) -> Drawing:
    """The scene as a graphviz.Digraph; with frames, one that can be stepped through or plays."""
    with_chips = len(scene.cards) <= CHIPS and not scene.is_folded
    whole = GRAPH | FONT | layout_settings(scene, with_chips) | {"label": legend(scene)}
    edges = OPERAND | FONT | {"fontsize": f"{SMALL}"}
    drawing = Drawing(title=title, table=table, frames=frames, graph_attr=whole, node_attr=CARD | FONT, edge_attr=edges)
    for card in scene.cards:
        content = card_of_one(card) if card.is_single else card_of_many(card)
        looks = {} if card.is_single else {"class": "card many", "margin": "0.09,0.04"}
        drawing.node(card.id, content, id=card.id, tooltip=hint(*about(card)), **looks)
    for id, card, text in scene.constants:
        drawing.node(id, text, id=id, tooltip=hint(f"constant {text}"), **CONSTANT)
        drawing.edge(id, card.id, id=f"{id}-{card.id}", tooltip=hint(f"constant {text}"))
    widest = max([flow.size for flow in scene.flows if math.isfinite(flow.size)], default=0.0)
    most = SLIM if len(scene.flows) > CROWD else WIDEST
    for flow in scene.flows:
        if with_chips:
            drawing.edge(flow.start.id, flow.end.id, id=f"f-{flow.id}", tooltip=hint(place(flow)))
        drawing.edge(flow.start.id, flow.end.id, **ribbon(flow, widest, most, with_chips))
    return drawing


def layout_settings(scene: Scene, with_chips: bool) -> dict[str, str]:
    """Distances, and settings that bound the time of the layout.

    The time grows with the columns of cards that all edges cross together, in a layout with each card as far to the
    right as it can be. A loop of 100 steps that share a leaf took 52 s without nslimit, and takes 0.3 s with it.
    """
    distances = {"nodesep": "0.5", "ranksep": "1.1"} if with_chips else {"nodesep": "0.12", "ranksep": "0.8"}
    if scene.is_folded:
        distances |= {"ordering": "in"}  # neurons in their order, from the top down
    if scene.is_folded and len(scene.flows) > CROWD:
        distances |= {"ranksep": "1.8", "splines": "line"}
    # A card of far nodes is both before and behind others, which columns do not tell: then each ribbon counts for many.
    crossed = max(columns_crossed(scene), (16 if scene.is_folded else 1) * single_ribbons(scene))
    if crossed <= TANGLED:
        return distances | {"nslimit": "2"}
    return distances | {"nslimit": f"{2 * TANGLED / crossed:.2g}", "mclimit": "0.01", "splines": "line"}


def is_knotted(scene: Scene) -> bool:
    """Whether Graphviz would take too long over the picture."""
    return (
        len(scene.cards) > MOST_CARDS or single_ribbons(scene) > MOST_RIBBONS or columns_crossed(scene) > MOST_COLUMNS
    )


def single_ribbons(scene: Scene) -> int:
    """How many flows there are between cards of one node."""
    return sum(flow.start.is_single and flow.end.is_single for flow in scene.flows)


def columns_crossed(scene: Scene) -> int:
    """How many columns of cards all flows cross together."""
    column = dict.fromkeys(scene.cards, 0)
    for flow in sorted(scene.flows, key=lambda flow: flow.end.frame):  # each card after those computed from it
        column[flow.start] = max(column[flow.start], column[flow.end] + 1)
    return sum(abs(column[flow.start] - column[flow.end]) for flow in scene.flows)


# Cards.


def card_of_one(card: Card) -> str:
    """The HTML-like label of one node: name and operation, value, gradient, and what that is the sum of."""
    grad = card.grads[0]
    rows = [
        (bold(shortened(card.name, ON_CARD)) if card.name else "", font(GREY, escaped(card.symbol))),
        (font(GREY, "value"), number(card.nodes[0].data)),
        (font(GREY, "grad"), font(tint(grad), bold(number(grad, "+")))),
    ]
    row = '<TR><TD ALIGN="LEFT">{}</TD><TD WIDTH="8"></TD><TD ALIGN="RIGHT" WIDTH="64">{}</TD></TR>'
    total = f'<TR><TD COLSPAN="3" ALIGN="RIGHT">{font(GREY, summed(card), SMALL)}</TD></TR>' if summed(card) else ""
    return box("".join([row.format(*pair) for pair in rows]) + total)


def summed(card: Card) -> str:
    """What the gradient of a reused value is the sum of: '= −0.661 + 1.628'."""
    terms = [*([card.elsewhere] if card.elsewhere else []), *card.terms]
    if len(terms) < 2 or not adds_up(terms, card.grads[0]):
        return ""
    if len(terms) > TERMS:
        return f"= sum of {len(terms):,}"
    return " ".join([f"= {number(terms[0])}", *[signed(term) for term in terms[1:]]])


def card_of_many(card: Card) -> str:
    """The HTML-like label of a group: its name, how many nodes it has, and how their gradients are spread."""
    counts, largest = histogram(card.grads)
    bars = "".join([bar(count / (max(counts) or 1)) for count in counts])
    shape = f'<TABLE BORDER="0" CELLSPACING="1" CELLPADDING="0"><TR>{bars}</TR></TABLE>'
    name, many = bold(shortened(card.name, ON_CARD)), font(GREY, card.symbol, SMALL)
    others = len(card.grads) - sum(counts)
    most = f"{number(largest)}, {others:,} inf or nan" if others else number(largest)
    return box(f'<TR><TD>{name}</TD><TD>{many}</TD><TD>{shape}</TD><TD ALIGN="RIGHT">{most}</TD></TR>', 2)


def histogram(grads: Iterable[float]) -> tuple[list[int], float]:
    """How many gradients there are in each half decade up to the greatest |gradient|, which is returned too.

    The first bar has all that are smaller, and zeros.
    """
    sizes = [abs(grad) for grad in grads if math.isfinite(grad)]
    largest = max(sizes, default=0.0)
    counts = [0] * BARS
    for size in sizes:
        below = int(-2.0 * math.log10(size / largest)) if size / (largest or 1.0) else BARS
        counts[max(BARS - 1 - below, 0)] += 1
    return counts, largest


def bar(share: float) -> str:
    """One bar of a histogram; one that is not empty can be seen."""
    height = round(BAR_HEIGHT * share) or (1 if share else 0)
    color = f' BGCOLOR="{GREY}"' if height else ""
    inner = f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD{color} FIXEDSIZE="TRUE" WIDTH="{BAR_WIDTH}"'
    return f'<TD VALIGN="BOTTOM" HEIGHT="{BAR_HEIGHT}">{inner} HEIGHT="{max(height, 1)}"></TD></TR></TABLE></TD>'


def box(rows: str, padding: int = 4) -> str:
    """A table without lines as an HTML-like label."""
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{rows}</TABLE>>'


def about(card: Card) -> list[str]:
    """What a card says when it is pointed at: everything in full."""
    if card.is_single:
        node, row = card.nodes[0], TABLE[op_of(card.nodes[0])]
        lines = [f"{row.name}: {row.meaning}", f"value {node.data!r}", f"grad {card.grads[0]!r}"]
        return [card.name, *lines] if card.is_named else lines  # a made-up one is on the card
    data = [node.data for node in card.nodes]
    return [
        f"{card.name}: {card.symbol}",
        f"value {spread(data, repr)}",
        f"grad {spread(card.grads, repr)}",
    ]


def frames_of(scene: Scene, plays: bool = False) -> Frames:
    """When the parts of the picture are to be seen in a sweep."""
    frames = Frames(len(scene.frames), plays=plays)
    passing = max((card.frame for card in scene.cards), default=0)
    for card in scene.cards:
        arrived = [flow.end.frame for flow in scene.flows if flow.start is card]
        changes = card.totals if card.is_single else dict.fromkeys([0, max(arrived, default=0)], 0.0)
        frames.totals[card.id] = [(frame, number(grad, "+"), tint(grad)) for frame, grad in changes.items()]
        frames.active[card.id] = [*range(card.frame, frames.count + 1, passing)] if card.frame else []
    frames.seen = {flow.id: flow.end.frame for flow in scene.flows}
    return frames


# Ribbons and chips.


def ribbon(flow: Flow, widest: float, most: float, with_chip: bool) -> dict[str, str]:
    """The attributes of the edge that shows a flow: its width, at `most` points, its colour, and what it says."""
    value = flow.value
    look = {"id": flow.id, "class": f"flow {kind(value)}", "dir": "back", "tooltip": hint(*said(flow))}
    look |= {"color": color(value), "penwidth": f"{width(flow.size, widest, most):.3g}", "arrowsize": "0.6"}
    if flow.size == 0.0:
        look["style"] = "dotted"
    elif kind(value) == "undefined":
        look["style"] = "dashed"
    if not (flow.start.is_single and flow.end.is_single):
        look |= {"tailport": "e", "headport": "w"}
    if with_chip:
        look["label"] = chip(flow)
    elif kind(value) == "undefined":
        look["label"] = number(value)
    return look


def chip(flow: Flow) -> str:
    """The chain rule on an edge: the local derivative, and what comes of it; of many uses, their sum."""
    formula, product = flow.contributions[0].formula, flow.contributions[0].product
    if len(flow.contributions) > 1:
        formula, product = f"{len(flow.contributions):,} uses", f"sum {number(flow.value)}"
    elif len(formula) > ON_CHIP:
        first, *middle, last = formula.split(" = ")
        short = " = ".join([first, *middle[:1], last])
        formula = short if len(short) <= ON_CHIP else f"{shortened(first, ON_CHIP)} = {last}"
    lines = (font(GREY, escaped(formula), SMALL), font(tint(flow.value), bold(product), SMALL))
    return box("".join([f"<TR><TD>{line}</TD></TR>" for line in lines]), 1)


def width(value: float, widest: float, most: float = WIDEST) -> float:
    """The width of a ribbon in points: linear in small contributions, logarithmic in the decades up to the widest."""
    if not math.isfinite(value):
        return most
    share = math.log1p(30.0 * (abs(value) / widest)) / math.log1p(30.0) if widest else 0.0
    return THINNEST + (most - THINNEST) * share


def kind(value: float) -> str:
    """What sort of contribution it is: positive, negative, zero, or undefined if it is nan or infinite."""
    if not math.isfinite(value):
        return "undefined"
    return "positive" if value > 0.0 else "negative" if value < 0.0 else "zero"


def color(value: float) -> str:
    """The colour of a ribbon."""
    return {"positive": BLUE, "negative": VERMILLION, "zero": PALE, "undefined": INK}[kind(value)]


def tint(value: float) -> str:
    """The colour of a gradient's or contribution's number."""
    return {"positive": BLUE, "negative": RUST, "zero": GREY, "undefined": INK}[kind(value)]


def place(flow: Flow) -> str:
    """Which operand of which node a flow belongs to."""
    contribution = flow.contributions[0]
    node = contribution.node
    many = f"{len(flow.contributions):,} uses of " if len(flow.contributions) > 1 else ""
    start, end = [card.name or card.symbol for card in (flow.start, flow.end)]
    if flow.start.is_single and flow.end.is_single and not many:
        operand = (
            f", operand {contribution.operand + 1} of {len(node.operands)} of" if len(node.operands) > 1 else " in"
        )
        return f"{start}{operand} {end}"
    return f"{many}{start} in {end}"


def said(flow: Flow) -> list[str]:
    """What a ribbon says when it is pointed at."""
    first = flow.contributions[0]
    if len(flow.contributions) == 1:  # the formula tells which operand it is of, unless it is there twice
        is_again = sum(operand is flow.start.nodes[0] for operand in first.node.operands) > 1
        return [*([place(flow)] if is_again else []), first.formula, first.product]
    values = [contribution.value for contribution in flow.contributions]
    return [place(flow), f"contributions from {number(min(values))} to {number(max(values))}, sum {number(flow.value)}"]


# The legend.


def legend(scene: Scene) -> str:
    """What cards and ribbons mean, as the HTML-like label of the picture."""
    if not scene.flows:
        return ""
    if all(flow.value == 0.0 for flow in scene.flows) and scene.root.grads[0] == 0.0:
        return box(f"<TR><TD>{font(GREY, NO_GRADIENTS, SMALL)}</TD></TR>", 2)
    found = {kind(flow.value) for flow in scene.flows}
    marks = {
        "positive": (BLUE, "━━", "+ raises the result"),
        "negative": (RUST, "━━", "− lowers it"),
        "zero": (GREY, "┄┄", "0"),
        "undefined": (INK, "╍╍", "inf or nan"),
    }
    marked = [mark for key, mark in marks.items() if key in found]
    shown = [f"{font(tone, bold(mark), SMALL)} {font(GREY, text, SMALL)}" for tone, mark, text in marked]
    how = "Bars: how many |gradients| in each half decade up to the number." if scene.is_folded else ""
    rows = [
        font(GREY, f"{how} {CHAIN_RULE}".strip(), SMALL),
        "   ".join([*shown, font(GREY, "the wider, the more", SMALL)]),
        *[font(INK, text, SMALL) for text in warnings(scene)],
    ]
    return box("".join([f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in ["", *rows]]), 2)


def warnings(scene: Scene) -> list[str]:
    """What is wrong with the numbers in the picture, if something is."""
    computed = [card for card in scene.cards if card.is_single and card.nodes[0].op != "leaf"]
    found = [STALE] if any(is_stale(card.nodes[0]) for card in computed) else []
    return [*found, *([FOREIGN] if not all(adds_up(card.terms, card.grads[0]) for card in computed) else [])]


# Text in DOT.


def font(color: str, text: str, size: int = SIZE) -> str:
    """The text in a colour and size."""
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{text}</FONT>'


def bold(text: str) -> str:
    """The text in bold, escaped."""
    return f"<B>{escaped(text)}</B>"


def hint(*lines: str) -> str:
    """The lines as a tooltip in DOT."""
    texts = [escaped(shortened(printable(line), IN_TOOLTIP)) for line in lines]
    # Graphviz takes the backslashes off twice.
    return r"\n".join(text.replace("\\", r"\\") for text in texts)


def escaped(text: str) -> str:
    r"""The text as Graphviz takes it in HTML-like labels and tooltips: without tags, entities and escapes like \N."""
    return html.escape(text).replace("\\", r"\\")
