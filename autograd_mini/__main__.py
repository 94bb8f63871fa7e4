"""The tour: differentiate and draw an expression, then train a network on Fisher's Iris data and draw it.

python -m autograd_mini [--out DIR] [--seed N] [--epochs N]
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from autograd_mini import COMPILED, Value, draw, nn, steps
from autograd_mini.data import iris

Samples = list[list[float]]

BATCH = 10  # flowers in a step


def main(arguments: list[str] | None = None) -> int:
    """Run the tour; return the exit status: 0, or 1 if a picture cannot be written."""
    options = parser().parse_args(arguments)
    print(f"autograd_mini, {'compiled' if COMPILED else 'in plain Python (no compiled modules were found)'}\n")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        expression(options.out)
        network(options.out, options.seed, options.epochs)
    except OSError as error:
        print(f"cannot write to {options.out}: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    command = argparse.ArgumentParser(prog="python -m autograd_mini", description=__doc__.splitlines()[0])
    command.add_argument("--out", type=Path, default=Path("autograd_mini_tour"), help="folder of the pictures")
    command.add_argument("--seed", type=int, default=0, help="of the split, the weights and the shuffling")
    command.add_argument("--epochs", type=positive, default=60, help="passes through the training flowers")
    return command


def positive(text: str) -> int:
    """A whole number above zero, from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text}")
    return number


def expression(out: Path) -> None:
    """Differentiate tanh(a b + exp a) and draw its graph."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = (a * b + a.exp()).tanh()
    y.label = "y"
    y.backward()
    print("1. An expression: y = tanh(a * b + exp(a)) at a = 2, b = -3")
    print(f"   y = {y:.4f}   dy/da = {a.grad:.4f}   dy/db = {b.grad:.4f}")
    print(f"   {draw(y).save(out / 'expression.svg')}")
    print(f"   {steps(y).save(out / 'steps.html')}: backpropagation step by step, in a browser\n")


def network(out: Path, seed: int, epochs: int) -> None:
    """Train a network to tell three kinds of iris apart; draw one neuron, the loss of one flower, and the network."""
    train, test, names = flowers(seed)
    model = nn.MLP(4, [8, 3], activation="tanh", seed=seed)
    print(f"2. A network: {len(train[1])} irises to learn from, {len(test[1])} to be tested on, {len(names)} kinds")
    falling = nn.cosine(0.1, 0.0, steps=epochs * len(train[0]) // BATCH)
    history = nn.train(
        model, "cross_entropy_with_logits", *train, epochs=epochs, batch_size=BATCH, lr=falling, seed=seed
    )
    correct = nn.accuracy(model, *test)
    print(f"   loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f}   test accuracy {correct:.1%}")

    flower, kind = test[0][0], test[1][0]
    model.zero_grad()
    inputs = [Value(x, label=f"x{i}") for i, x in enumerate(flower)]
    neuron = model.layers[0].neurons[0](inputs)
    neuron.label = "neuron"
    neuron.backward()
    print(f"   {draw(neuron).save(out / 'neuron.svg')}: one neuron")
    model.zero_grad()
    inputs = [Value(x, label=f"x{i}") for i, x in enumerate(flower)]
    loss = nn.cross_entropy_with_logits(model(inputs), kind)
    loss.label = "loss"
    loss.backward()
    print(f"   {draw(loss).save(out / 'loss.svg')}: the loss of one flower")
    print(f"   {draw(model).save(out / 'network.svg')}: the weights, and how that loss would move them")


def flowers(seed: int) -> tuple[tuple[Samples, list[int]], tuple[Samples, list[int]], list[str]]:
    """120 flowers to train on and 30 to test on, measurements scaled to mean 0 and deviation 1; the kinds' names."""
    X, y, names = iris()
    columns = list(zip(*X, strict=True))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        (sum((x - mean) ** 2 for x in column) / len(column)) ** 0.5
        for column, mean in zip(columns, means, strict=True)
    ]
    scaled = [[(x - m) / s for x, m, s in zip(row, means, spreads, strict=True)] for row in X]
    order = random.Random(seed).sample(range(len(X)), len(X))
    train, test = order[30:], order[:30]
    return (
        ([scaled[i] for i in train], [y[i] for i in train]),
        ([scaled[i] for i in test], [y[i] for i in test]),
        names,
    )


if __name__ == "__main__":
    sys.exit(main())
