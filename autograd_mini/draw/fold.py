"""Which nodes share a card: each has its own, or those of a neuron or layer are together, or the far ones are."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Set
from functools import lru_cache

from autograd_mini.text import Names
from autograd_mini.value import Value

LEVELS = ("value", "neuron", "layer")
FEW, LARGEST = 60, 400  # cards in a picture that chooses its level, and in one whose level was chosen

Groups = dict[Hashable, list[Value]]  # the nodes on each card, by a key: a str is the name of the card


class Rest(str):
    """The name of the card of all those for which there is no room."""


# The last part of a parameter's path: `.w[1]` of layers[0].neurons[3].w[1].
ATTRIBUTE = re.compile(r"\.\w+(\[[^\]]*\])*$")
PART = re.compile(r"(\.\w+)?\[[^\]]*\]$")


def grouped(
    nodes: list[Value], names: Names, level: str | None, most: int | None, whole: Set[Hashable] = frozenset()
) -> Groups:
    """The nodes on each card of a picture.

    Args:
        nodes: the graph, each node after its operands.
        names: what they are called.
        level: "value", "neuron" or "layer"; None is the first of them that has few enough cards.
        most: how many cards there may be; beyond, those far from the root share one.
        whole: keys of groups whose nodes have a card each nevertheless, which makes the picture so much larger.
    """
    most = most or (FEW if level is None else LARGEST)
    homes = leveled(nodes, names, level, most)
    opened = {node: node if home in whole else home for node, home in homes.items()}
    more = len(set(opened.values())) - len(set(homes.values()))
    return nearest(nodes, opened.__getitem__, most + more)


def leveled(nodes: list[Value], names: Names, level: str | None, most: int) -> Mapping[Value, Hashable]:
    """The group of each node at the level, or at the first level that has at most so many and is one of groups."""
    single = {node: node for node in nodes}
    plain = level is None and (len(nodes) <= most or not any(told(node, names) for node in nodes))
    if plain or level == "value":
        return single
    for at in LEVELS[1:] if level is None else (level,):
        homes = homes_of(nodes, names, at)
        if len(set(homes.values())) <= most:
            return homes
    return single if level is None else homes


def told(node: Value, names: Names) -> bool:
    """Whether the name of a node says what group it belongs to."""
    return bool(node.label if node.op != "leaf" else ATTRIBUTE.search(names[node].text))


def nearest(nodes: list[Value], key: Callable[[Value], Hashable], most: int) -> Groups:
    """The groups by key: those nearest to the root, and if there are more than `most`, one of all the others."""
    found: Groups = {}
    frontier, seen = [nodes[-1]], {nodes[-1]}
    for node in frontier:
        if len(found) < most:
            found.setdefault(key(node), [])
        fresh = dict.fromkeys(parent for parent in node.parents if parent not in seen)
        seen.update(fresh)
        frontier.extend(fresh)
    keys = {key(node) for node in nodes}
    if len(keys) > most:
        found.popitem()
        more = Rest(f"+{len(keys) - len(found):,} more")
    groups: Groups = {}
    for node in nodes:
        groups.setdefault(key(node) if key(node) in found else more, []).append(node)
    return groups


def homes_of(nodes: list[Value], names: Names, level: str) -> dict[Value, Hashable]:
    """The group of each node: the neuron or layer whose parameters it is computed from.

    The root has its own. A labelled node closes its group: what is computed from it belongs to the next. What no
    parameter tells belongs to where it is used; what several groups use is shared by them.
    """
    root = nodes[-1]
    homes: dict[Value, Hashable] = {root: root}
    closed = {root}
    for node in nodes:
        if node.op != "leaf" and node is not root:
            if node.label:
                homes[node] = coarse(node.label, level)
                closed.add(node)
            elif home := parameters_of(node, names, level) or carried(node, homes, closed):
                homes[node] = home
    users: dict[Value, set[Hashable]] = {}
    for node in reversed(nodes):
        if node not in homes:
            homes[node] = shared(node, users[node], names, level)
        for parent in node.parents:
            users.setdefault(parent, set()).add(homes[node])
    return homes


def coarse(label: str, level: str) -> str:
    """The name of the group that a labelled value belongs to: layers[0].neurons[3], or layers[0]."""
    return PART.sub("", label) or label if level == "layer" else label


def parameters_of(node: Value, names: Names, level: str) -> str | None:
    """The neuron or layer whose parameters are operands of the node; None if there are none, or of several."""
    owners = {owner(names[parent].text, level) for parent in node.parents if parent.op == "leaf"} - {None}
    return owners.pop() if len(owners) == 1 else None


@lru_cache(100_000)  # a weight is used by many nodes
def owner(label: str, level: str) -> str | None:
    """The neuron or layer that a parameter belongs to by its label; None if the label tells of none."""
    return coarse(ATTRIBUTE.sub("", label), level) if ATTRIBUTE.search(label) else None


def carried(node: Value, homes: dict[Value, Hashable], closed: set[Value]) -> Hashable | None:
    """The group of all that the node was computed from, if that is one and still open."""
    parents = [parent for parent in node.parents if parent.op != "leaf"]
    origins = {homes.get(parent) for parent in parents}
    return origins.pop() if len(origins) == 1 and closed.isdisjoint(parents) else None


def shared(node: Value, users: set[Hashable], names: Names, level: str) -> Hashable:
    """The group of a node by its users: theirs if they are one group, else that of all with the same users."""
    if len(users) == 1:
        (user,) = users
        return f"terms of {names[user].text or 'the result'}" if isinstance(user, Value) else user
    if node.op == "leaf" and names[node].is_own:
        return coarse(names[node].text, level)
    return frozenset(users)
