"""What is on a picture: cards that hold the nodes of a graph, and the flows of gradient between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from autograd_mini.draw.fold import Groups
from autograd_mini.ops import TABLE
from autograd_mini.steps import Contribution, Step
from autograd_mini.text import Names, close, number
from autograd_mini.value import Value, op_of

PARALLEL = 8  # flows between two cards, and constants of a node, that are drawn one by one


@dataclass(eq=False)
class Card:
    """One or more nodes, and how their gradients come about.

    Attributes:
        id: unique in the picture.
        name: of the node or of the group.
        nodes: the Values it stands for.
        grads: their gradients, in the end.
        is_named: whether the name is the user's, not one that was made up.
        received: of a single node, what it receives from each use, and in which frame; None is a new start.
        frame: when the card passes its gradients on, counted from 1; 0 if it never does.
        key: the key of its group.
    """

    id: str
    name: str
    nodes: list[Value]
    grads: list[float]
    is_named: bool = True
    received: list[tuple[int, float | None]] = field(default_factory=list)
    frame: int = 0
    key: Hashable = None

    @property
    def is_single(self) -> bool:
        """Whether the card is of one node."""
        return len(self.nodes) == 1

    @property
    def symbol(self) -> str:
        """The operation, or how many nodes the card stands for."""
        return TABLE[op_of(self.nodes[0])].symbol if self.is_single else f"{len(self.nodes):,} values"

    @property
    def terms(self) -> list[float]:
        """What the gradient of a single node is the sum of, as far as the picture tells: since the last new start."""
        terms: list[float] = []
        for _, x in self.received:
            if x is None:
                terms.clear()
            else:
                terms.append(x)
        return terms

    @property
    def elsewhere(self) -> float:
        """The part of the gradient that the picture does not tell: of earlier calls of backward(), or set by hand."""
        if self.nodes[0].op != "leaf":  # it starts anew in each sweep
            return 0.0
        told = total(self.terms)
        return 0.0 if adds_up(self.terms, self.grads[0]) or not math.isfinite(told) else self.grads[0] - told

    @property
    def totals(self) -> dict[int, float]:
        """The gradient of a single node from each frame on in which it changes."""
        grad = self.elsewhere
        totals = {0: grad}
        for frame, x in sorted(self.received, key=lambda event: event[0]):
            grad = 0.0 if x is None else grad + x
            totals[frame] = grad
        return totals


@dataclass(eq=False)
class Flow:
    """What the nodes of one card receive from those of another.

    Attributes:
        start: the card of the operands, which receive.
        end: the card that was computed from them, which passes on.
        contributions: one for each use of an operand.
    """

    id: str
    start: Card
    end: Card
    contributions: list[Contribution]

    @property
    def size(self) -> float:
        """How much flows, whatever its signs: the sum of the absolute contributions."""
        return total([abs(contribution.value) for contribution in self.contributions])

    @property
    def value(self) -> float:
        """The sum of the contributions."""
        return total([contribution.value for contribution in self.contributions])


@dataclass(eq=False)
class Scene:
    """Cards, flows, and the constants that nodes were computed with.

    Attributes:
        cards: in the order of their first nodes.
        root: the card of the result.
        flows: from card to card; what stays within one is not shown.
        constants: the id, card and text of each.
        frames: what happens in each frame, from the first on.
        names: what the nodes are called.
    """

    cards: list[Card]
    root: Card
    flows: list[Flow]
    constants: list[tuple[str, Card, str]]
    frames: list[list[Step]]
    names: Names

    @property
    def is_folded(self) -> bool:
        """Whether a card stands for more than one node."""
        return not all(card.is_single for card in self.cards)

    @property
    def passing(self) -> list[Card]:
        """The cards that pass gradients on, in the order in which they do."""
        return sorted([card for card in self.cards if card.frame], key=lambda card: card.frame)


def scene(groups: Groups, passes: Sequence[Sequence[Step]], grads: Mapping[Value, float], names: Names) -> Scene:
    """The scene of nodes that are grouped on cards.

    Args:
        groups: the nodes on each card.
        passes: the steps of each sweep, in order.
        grads: the gradients after the last of them.
        names: what the nodes are called.
    """
    cards: list[Card] = []
    where: dict[Value, Card] = {}
    for i, (key, nodes) in enumerate(groups.items()):
        title, found = title_of(key, nodes, names), [grads[node] for node in nodes]
        is_named = len(nodes) > 1 or names[nodes[0]].is_own
        cards.append(Card(f"n{i}", title, nodes, found, key=key, is_named=is_named))
        where |= dict.fromkeys(nodes, cards[-1])
    taken = [by_card(steps, where) for steps in passes]
    for frame, card in enumerate(taken[0], 1):
        card.frame = frame
    for i, steps in enumerate(passes):
        receive(steps, where, i * len(taken[0]))
    frames = [steps for sweep in taken for steps in sweep.values()]
    constants = [constant for card in cards if card.is_single for constant in constants_of(card)]
    return Scene(cards, where[passes[0][0].node], flows_of(passes[0], where), constants, frames, names)


def title_of(key: Hashable, nodes: list[Value], names: Names) -> str:
    """The name on a card."""
    if len(nodes) == 1:
        return names[nodes[0]].text
    if isinstance(key, str):
        return key
    return "inputs" if all(node.op == "leaf" for node in nodes) else "shared"


def by_card(steps: Sequence[Step], where: Mapping[Value, Card]) -> dict[Card, list[Step]]:
    """The steps of each card, the cards in the order in which they are done."""
    taken: dict[Card, list[Step]] = {}
    for step in steps:
        card = where[step.node]
        done = taken.pop(card, [])
        done.append(step)
        taken[card] = done
    return taken


def receive(steps: Sequence[Step], where: Mapping[Value, Card], frames: int) -> None:
    """Note on the cards of single nodes what they receive in a sweep that comes after that many frames."""
    if frames:
        for card in set(where.values()):
            if card.is_single and card.nodes[0].op != "leaf":
                card.received.append((frames + 1, None))
    root = where[steps[0].node]
    if root.is_single:
        before = total(root.terms) if root.nodes[0].op == "leaf" else 0.0
        # The seed is there before the first step.
        root.received.append((frames + 1 if frames else 0, steps[0].upstream - before))
    for contribution in chain.from_iterable(step.contributions for step in steps):
        card = where[contribution.parent]
        if card.is_single:
            card.received.append((frames + where[contribution.node].frame, contribution.value))


def flows_of(steps: Sequence[Step], where: Mapping[Value, Card]) -> list[Flow]:
    """The flows of a sweep: one for each use of an operand, or where they are many, one between two cards."""
    pairs: dict[tuple[Card, Card], list[Contribution]] = {}
    for contribution in chain.from_iterable(step.contributions for step in steps):
        start, end = where[contribution.parent], where[contribution.node]
        if start is not end:
            pairs.setdefault((start, end), []).append(contribution)
    flows = []
    for (start, end), found in pairs.items():
        if start.is_single and end.is_single and len(found) <= PARALLEL:
            flows += [Flow(f"{start.id}-{end.id}-{c.operand}", start, end, [c]) for c in found]
        else:
            flows.append(Flow(f"{start.id}-{end.id}", start, end, found))
    return flows


def constants_of(card: Card) -> list[tuple[str, Card, str]]:
    """The constants that the node of a card was computed with; one for all of them if they are many."""
    found = [(i, x) for i, x in enumerate(card.nodes[0].operands) if not isinstance(x, Value)]
    if len(found) > PARALLEL:
        return [(f"c-{card.id}", card, f"{len(found):,} constants")]
    return [(f"c{i}-{card.id}", card, number(x)) for i, x in found]


def spread(numbers: Sequence[float], write: Callable[[float], str]) -> str:
    """A number, or the least and greatest of many, and how many of them are nan, which is neither."""
    known = [x for x in numbers if not math.isnan(x)]
    missing = len(numbers) - len(known)
    ends = dict.fromkeys([write(min(known)), write(max(known))]) if known else {}
    nans = [f"{missing:,} nan" if len(numbers) > 1 else "nan"] if missing else []
    return ", ".join([*([" … ".join(ends)] if known else []), *nans])


def adds_up(terms: Sequence[float], result: float) -> bool:
    """Whether the sum of the terms is the result but for rounding, which is as large as the largest term makes it."""
    exact = total(terms)
    return close(exact, result, 1e-9) or abs(exact - result) < 1e-9 * max(map(abs, terms), default=0.0)


def total(values: Sequence[float]) -> float:
    """The sum of the values, exact if they are finite; else inf or nan as additions give it."""
    try:
        return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)
    except OverflowError:
        return sum(values)
