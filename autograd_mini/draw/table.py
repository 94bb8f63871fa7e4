"""A scene as text: a line for each card."""

from __future__ import annotations

from autograd_mini.draw.scene import Card, Scene, spread
from autograd_mini.text import number, shortened
from autograd_mini.value import Value

NAME, OPERANDS = 28, 56  # characters
LISTED = 9  # operands


def table(scene: Scene) -> str:
    """The cards as lines of text: name, operation, operands, value and gradient, or of many their range."""
    known = {card: shortened(card.name, NAME) or f"#{card.id[1:]}" for card in scene.cards}
    where = {node: known[card] for card in scene.cards for node in card.nodes}
    rows = [("node", "op", "operands", "value", "grad")]
    for card in scene.cards:
        operands = shortened(", ".join(operands_of(card, where)), OPERANDS)
        value = spread([node.data for node in card.nodes], number)
        grad = spread(card.grads, lambda x: number(x, "+"))
        rows.append((known[card], card.symbol, operands, value, grad))
    a, b, c, d, e = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{r[0]:{a}}  {r[1]:{b}}  {r[2]:{c}}  {r[3]:>{d}}  {r[4]:>{e}}" for r in rows)


def operands_of(card: Card, where: dict[Value, str]) -> list[str]:
    """The names of what the node of a card was computed from; of many nodes, each once and without their own."""
    operands = [operand for node in card.nodes for operand in node.operands]
    if card.is_single:
        return [where[operand] if isinstance(operand, Value) else number(operand) for operand in operands[:LISTED]]
    names = [where[operand] for operand in operands if isinstance(operand, Value)]
    return [name for name in dict.fromkeys(names) if name != where[card.nodes[0]]][:LISTED]
