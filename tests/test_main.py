"""The tour: five pictures and an accuracy, and one clear line where it cannot write."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

from autograd_mini import Value, topological
from autograd_mini.__main__ import main


def test_tour(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    assert main(["--out", str(out), "--epochs", "20", "--seed", "1"]) == 0
    written = ["expression.svg", "loss.svg", "network.svg", "neuron.svg", "steps.html"]
    assert sorted(path.name for path in out.iterdir()) == written
    said = capsys.readouterr().out
    assert float(re.search(r"test accuracy ([\d.]+)%", said)[1]) > 80.0
    assert "dy/da = 0.9672   dy/db = 0.4408" in said


def test_same_seed_same_tour(tmp_path, capsys):
    for _ in range(2):
        main(["--out", str(tmp_path), "--epochs", "2", "--seed", "3"])
    first, second = re.findall(r"loss \d.*", capsys.readouterr().out)
    assert first == second


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file")]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith(f"cannot write to {tmp_path / 'file'}")


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--epochs", "many"], ["--seed", "x"], ["--unknown"]])
def test_wrong_options(wrong):
    with pytest.raises(SystemExit) as stopped:
        main(wrong)
    assert stopped.value.code == 2


def test_python_m(tmp_path):
    command = [sys.executable, "-m", "autograd_mini", "--epochs", "1", "--out", str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_drawn_gradients_are_those_of_what_is_drawn(tmp_path, monkeypatch):
    drawn = []

    def draw(root):
        if isinstance(root, Value):
            drawn.append([(node, node.grad) for node in topological(root)])
        return real(root)

    tour = importlib.import_module("autograd_mini.__main__")
    real = tour.draw
    monkeypatch.setattr(tour, "draw", draw)
    main(["--out", str(tmp_path), "--epochs", "1"])
    assert len(drawn) == 3
    for nodes in drawn:
        shown = [grad for _, grad in nodes]
        for node, _ in nodes:
            node.grad = 0.0
        nodes[-1][0].backward()
        assert [node.grad for node, _ in nodes] == shown
