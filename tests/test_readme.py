"""What the README says: its lines of code run with true gradients, its links lead somewhere, its commands are two."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from autograd_mini import Value, nudge, why

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_lines_of_code(capsys):
    code, again, compiled = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    da, db = map(float, capsys.readouterr().out.split())
    # y = tanh(a b + exp a) at (2, -3), by central differences of the formula itself.
    from math import exp, tanh

    h = 1e-6
    assert da == pytest.approx((tanh((2 + h) * -3 + exp(2 + h)) - tanh((2 - h) * -3 + exp(2 - h))) / (2 * h), rel=1e-7)
    assert db == pytest.approx((tanh(2 * (-3 + h) + exp(2)) - tanh(2 * (-3 - h) + exp(2))) / (2 * h), rel=1e-7)
    exec(again, names)
    assert names["found"].success and names["found"].x == pytest.approx([1.0, 1.0], abs=1e-4)
    assert capsys.readouterr().out.splitlines() == [
        "[-400.0, 200.0] [[802.0, -400.0], [-400.0, 200.0]] [0.0, 1.0, 0.0, -0.3333333333333333]",
        f"{1.0 - 0.1 * 12.0 * (0.3 - 1.0) ** 2} [[802.0, -400.0], [-400.0, 200.0]]",
    ]
    names["model"].zero_grad()
    exec(compiled, names)
    gradients = [p.grad for p in names["model"].parameters()]
    names["model"].zero_grad()
    losses = [names["one"].function(x, t) for x, t in zip(names["X"], names["T"], strict=True)]
    (losses[0] + (losses[0] + losses[1]) / 2.0).backward()
    assert gradients == pytest.approx([p.grad for p in names["model"].parameters()], rel=1e-12, abs=1e-15)
    assert any(gradients) and names["one"].cache_info().currsize == 1


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_links(link):
    assert (ROOT / link).exists()


def test_there_are_two_commands():
    assert len(re.findall(r"^```sh\n", README, flags=re.MULTILINE)) == 2


def test_what_is_printed():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    z = a * b + a.exp()
    y = z.tanh()
    steps = "\n".join(map(str, y.backward_steps(names=locals())))
    reasons = f"{why(a, y, names=locals())}\n{nudge(a, y, names=locals())}"
    assert re.findall(r"```text\n(.*?)\n```", README, flags=re.DOTALL) == [steps, reasons]
