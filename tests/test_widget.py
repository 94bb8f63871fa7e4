"""The widget: what Python does with each message, and the page and Python together in a real browser."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tomllib

import pytest

import autograd_mini as am
from autograd_mini import Value, log, nn, steps
from autograd_mini.draw.quiz import ASKED, hints, is_right, read
from autograd_mini.text import number

pytest.importorskip("anywidget")

from autograd_mini.draw.widget import EPSILONS
from tests.conftest import PACKAGE


def example():
    """The graph of y = tanh(a·b + exp(a)), whose gradients no other test needs."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    z = a * b + a.exp()
    z.label = "z"
    y = z.tanh()
    y.label = "y"
    return y


def network():
    """The output of a small network: a graph of neurons that are folded."""
    return nn.MLP(2, [4, 4, 1], seed=1)([1.0, -2.0])


class Sent:
    """A widget's messages to the page, and messages from it."""

    def __init__(self, widget):
        self.widget, self.messages = widget, []
        widget.send = lambda content, buffers=None: self.messages.append(content)

    def __call__(self, **message):
        self.widget.on_message(self.widget, message, [])
        assert self.messages.pop() == {"done": True}


def sending(root, **options):
    widget = steps(root, widget=True, **options)
    return widget, Sent(widget)


def card_of(widget, name):
    """The id of the card of that name."""
    return next(id for id, card in widget.picture["cards"].items() if card["name"] == name)


def many(widget):
    return [card["name"] for card in widget.picture["cards"].values() if card["many"]]


# Watching.


def test_same_picture_and_words_as_the_stepper():
    widget, stepper = steps(example(), widget=True), steps(example())
    assert widget.picture["svg"] == stepper.drawing.pipe("svg", encoding="utf-8")
    assert widget.picture["words"] == stepper.words
    assert str(widget.stepper) == str(stepper)
    assert repr(widget) == "StepWidget('Computation graph of y', 5 frames)"


def test_a_frame_out_of_range_is_the_nearest():
    widget = steps(example(), widget=True)
    for frame, seen in ((3, 3), (99, 4), (-1, 0)):
        widget.frame = frame
        assert widget.frame == seen


def test_a_card_leads_to_where_it_passes_its_gradient_on_and_a_leaf_to_where_it_has_it():
    y = example()
    widget, words = steps(y, widget=True), steps(y).words
    jumps = {card["name"]: card["jumps"] for card in widget.picture["cards"].values()}
    assert jumps == {"a": [4], "b": [4], "a·b": [4], "exp(a)": [3], "z": [2], "y": [1]}
    for name in ("a·b", "exp(a)", "z", "y"):
        assert words[jumps[name][0]][0].startswith(f"{jumps[name][0]}. {name} has the gradient")
    twice = steps(y, widget=True, times=2)
    assert twice.picture["cards"][card_of(twice, "z")]["jumps"] == [2, 6]


def test_names_and_level_are_those_of_steps():
    x = Value(2.0)
    widget = steps(x * x, widget=True, names={"x": x})
    assert card_of(widget, "x") == "n0"
    assert many(steps(network(), widget=True, level="layer")) == ["layers[2]", "layers[1]", "layers[0]"]


@pytest.mark.parametrize("wrong", [{"level": "word"}, {"times": 0}, {"max_nodes": 1}])
def test_wrong_arguments_are_refused_as_by_steps(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        steps(example(), widget=True, **wrong)


def test_without_anywidget_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "from autograd_mini import Value, steps\n"
        "x = Value(3.0); steps(x * x)\n"
        "try: steps(x * x, widget=True)\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "autograd_mini[widget]"' in done.stdout


def test_steps_alone_does_not_import_anywidget():
    code = (
        "import sys; from autograd_mini import Value, steps; steps(Value(1.0).exp()); print('anywidget' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_where_no_widget_runs_the_stepper_is_left():
    widget, stepper = steps(example(), widget=True), steps(example())
    data, _ = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    ids = re.compile(r"s[0-9a-f]{10}-\d+")  # each that is shown has its own
    assert ids.sub("", data["text/html"]) == ids.sub("", stepper._repr_mimebundle_()["text/html"])
    assert data["text/plain"] == str(stepper)
    assert set(widget._repr_mimebundle_(include=["text/html"])[0]) == {"text/html"}
    assert "text/plain" not in widget._repr_mimebundle_(exclude=["text/plain"])[0]


def test_all_that_is_sent_is_json():
    widget, page = sending(log(Value(0.001, label="x")))
    widget.mode = "nudge"
    page(do="nudge", card=card_of(widget, "x"), at=0)
    json.dumps(widget.get_state(), allow_nan=False)


def test_the_page_is_in_the_wheel():
    declared = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = declared["tool"]["setuptools"]["package-data"]["autograd_mini.draw"]
    others = [path for path in (PACKAGE / "draw").iterdir() if path.is_file() and path.suffix != ".py"]
    assert {path.suffix for path in others} >= {".css", ".js"}
    assert all(any(path.match(pattern) for pattern in patterns) for path in others)


# Opening folded cards.


def test_a_card_opens_and_folds():
    widget, page = sending(network())
    before = widget.picture
    name = "layers[1].neurons[0]"
    page(do="unfold", card=card_of(widget, name))
    assert widget.picture["opened"] == [f"fold {name}"] and name not in many(widget)
    assert len(widget.picture["cards"]) == len(before["cards"]) + 7  # 8 values instead of 1 card
    assert "8 values" in widget.told
    single = next(card for card in widget.picture["cards"].values() if not card["many"])
    assert re.search(r"layers\[1\]\.neurons\[0\]|·", single["name"])
    page(do="fold", at=0)
    assert widget.picture["svg"] == before["svg"] and widget.picture["opened"] == []


def test_opening_turns_to_the_step_before_the_first_of_the_card():
    widget, page = sending(network(), times=2)
    passing = len(widget.scene.passing)
    widget.frame = passing + 1  # in the second sweep
    nodes = set(widget.scene.cards[1].nodes)
    page(do="unfold", card="n1")
    first = next(card for card in widget.scene.passing if nodes & set(card.nodes))
    assert widget.frame == first.frame - 1 + len(widget.scene.passing)


def test_all_that_was_opened_stays_open():
    widget, page = sending(network())
    for name in ("layers[0].neurons[2]", "layers[1].neurons[0]"):
        page(do="unfold", card=card_of(widget, name))
    assert widget.picture["opened"] == ["fold layers[0].neurons[2]", "fold layers[1].neurons[0]"]
    page(do="fold", at=0)
    assert widget.picture["opened"] == ["fold layers[1].neurons[0]"] and "layers[0].neurons[2]" in many(widget)


def test_an_opening_that_would_be_too_large_is_refused():
    x = [Value(float(i), label=f"x[{i}]") for i in range(40)]
    widget, page = sending(nn.MLP(40, [12, 1], seed=1)(x), level="layer")
    before = dict(widget.picture)
    page(do="unfold", card=card_of(widget, "layers[0]"))
    assert "stays folded" in widget.told and "400" in widget.told
    assert widget.picture == before and not widget.opened


def test_the_card_of_those_beyond_the_most_opens_or_says_why_not():
    def chain(length):
        y = Value(1.0, label="x")
        for _ in range(length):
            y = y * 1.01
        return y

    widget, page = sending(chain(100))
    (rest,) = many(widget)
    page(do="unfold", card=card_of(widget, rest))
    assert len(widget.picture["cards"]) == 101 and not many(widget)
    page(do="fold", at=0)
    assert many(widget) == [rest]
    widget, page = sending(chain(1000))
    (rest,) = many(widget)
    page(do="unfold", card=card_of(widget, rest))
    assert "more than 400" in widget.told and many(widget) == [rest]


# Predicting.


@pytest.mark.parametrize(
    ("text", "found"),
    [("−0.661", -0.661), ("-0.661", -0.661), (" 1e-3 ", 1e-3), ("+2.", 2.0), (".5", 0.5), ("1E3", 1e3),
     ("−inf", -math.inf)],
)  # fmt: skip
def test_numbers_are_read(text, found):
    assert read(text) == found


@pytest.mark.parametrize(
    "text", ["", "x", "1 2", "0,5", "2*3", "1_000", "١", "0x10", "--1", "1e", "__import__('os')", "1" * 41]
)
def test_rubbish_is_refused(text):
    with pytest.raises(ValueError, match="is not a number"):
        read(text)


@pytest.mark.parametrize(
    ("answer", "exact", "right"),
    [(101, 100, True), (101.1, 100, False), (0.225, 0.22, True), (0.2251, 0.22, False), (-3, 3, False),
     (math.inf, math.inf, True), (-math.inf, math.inf, False), (math.nan, math.nan, True), (0, math.nan, False)],
)  # fmt: skip
def test_near_enough_is_right(answer, exact, right):
    assert is_right(answer, exact) is right


def test_a_right_answer_is_told_and_counted_and_the_step_is_shown():
    widget, page = sending(example())
    widget.mode = "predict"
    assert widget.quiz["text"] == "y has the gradient 1. What does z receive of it?"
    page(do="answer", text="0.22")
    assert (widget.frame, widget.quiz["verdict"], widget.quiz["score"]) == (1, "right", "1 of 1 right")
    assert widget.quiz["said"] == "Right: 1 × 0.2204 = 0.2204."
    assert widget.quiz["text"] == "z has the gradient 0.2204. What does a·b receive of it?"


def test_wrong_answers_bring_the_formula_then_the_numbers_then_the_solution():
    widget, page = sending(example())
    said = []
    for _ in range(3):
        page(do="answer", text="7")
        assert widget.quiz["verdict"] == "wrong"
        said.append(widget.quiz["said"])
    assert said[0] == "Not 7. Upstream × local derivative is the gradient of y, times ∂y/∂z = 1 − y²."
    assert "1 × 0.2204." in said[1] and "= 0.2204." not in said[1]
    assert said[2] == "It is 1 × 0.2204 = 0.2204."
    assert (widget.frame, widget.quiz["score"]) == (1, "0 of 1 right")


def test_rubbish_is_no_try():
    widget, page = sending(example())
    page(do="answer", text="2*3")
    assert "is not a number" in widget.quiz["said"] and widget.quiz["score"] == "" and widget.asking.tries == 0


def test_each_question_counts_once():
    widget, page = sending(example())
    for _ in range(2):
        widget.frame = 0
        page(do="reveal")
    page(do="answer", text="0.2204")
    assert widget.quiz["score"] == "1 of 2 right"


def test_the_whole_sweep_can_be_predicted():
    widget, page = sending(example(), times=2)
    asked = 0
    while widget.quiz["open"]:
        page(do="answer", text=str(widget.asking.question.value))
        assert widget.quiz["verdict"] == "right"
        asked += 1
    assert widget.frame == 8 and asked == 12 and widget.quiz["score"] == "12 of 12 right"
    assert widget.quiz["text"] == "All steps are done."


def test_what_is_said_goes_when_the_reader_goes_elsewhere():
    widget, page = sending(example())
    page(do="answer", text="7")
    widget.frame = 3
    assert widget.quiz["said"] == ""


def test_an_operand_that_is_there_twice_is_told_apart_and_its_sum_is_told():
    x = Value(3.0, label="x")
    widget, page = sending(x * x)
    assert widget.quiz["text"].endswith("What does x receive of it as operand 1?")
    page(do="answer", text="3")
    assert widget.quiz["text"].endswith("as operand 2?") and widget.frame == 0
    page(do="answer", text="3")
    assert widget.quiz["said"] == "Right: 1 × 3 = 3; in all 3 + 3 = 6." and widget.frame == 1


def test_a_card_of_many_and_a_lone_leaf_ask_nothing():
    widget = steps(network(), widget=True)
    widget.frame = 1  # the next to pass on is a neuron
    assert "open its card" in widget.quiz["text"] and not widget.quiz["open"]
    widget = steps(Value(2.0, label="x"), widget=True)
    assert "Nothing is passed on" in widget.quiz["text"] and not widget.quiz["open"]


def test_of_a_long_sum_a_few_are_asked():
    widget, page = sending(am.sum([Value(float(i), label=f"x[{i}]") for i in range(9)]))
    for _ in range(ASKED):
        assert widget.frame == 0
        page(do="reveal")
    assert widget.frame == 1


def test_hints_of_a_formula_without_names():
    (step,) = Value(2.0).exp().backward_steps()
    assert all("×" in hint for hint in hints(step.contributions[0]))


# Calling backward again.


def test_a_second_sweep_adds_to_leaves_alone_and_says_why():
    y = example()
    widget, page = sending(y)
    page(do="again")
    assert widget.picture["words"] == steps(y, times=2).words and widget.frame == 5
    assert "leaves add up" in widget.told and "computed nodes start again" in widget.told
    a, z = (next(card for card in widget.scene.cards if card.name == name) for name in "az")
    widget.frame = 8
    y.backward()
    y.backward()
    assert (a.grads, z.grads) == ([a.nodes[0].grad], [z.nodes[0].grad])
    page(do="again")
    assert widget.picture["words"] == steps(y).words and widget.frame == 4


def test_a_second_sweep_is_predicted_from_its_first_step():
    widget, page = sending(example())
    widget.mode = "predict"
    page(do="again")
    assert widget.frame == 4 and widget.quiz["text"] == "y has the gradient 1. What does z receive of it?"


def test_the_gradients_of_the_nodes_are_left_alone():
    y = example()
    _, page = sending(y)
    page(do="again")
    page(do="nudge", card="n0", at=3)
    assert all(node.grad == 0.0 for node in am.topological(y))


# Nudging.


def test_a_nudge_sets_the_change_beside_what_the_gradient_foretells():
    y = example()
    widget, page = sending(y)
    widget.mode = "nudge"
    assert widget.nudged["card"] == card_of(widget, "a")
    for at, by in enumerate(EPSILONS):
        page(do="nudge", card=card_of(widget, "b"), at=at)
        found = am.nudge(next(node for node in am.topological(y) if node.label == "b"), y, by)
        shown = [text for _, text, _ in widget.nudged["rows"]]
        numbers = (found.change, found.foretold, found.change - found.foretold)
        assert shown == [number(x, "+") for x in numbers]
        assert widget.picture["epsilons"][at] == number(by, "+") and widget.nudged["at"] == at
        assert max(abs(share) for *_, share in widget.nudged["rows"]) == pytest.approx(1.0)


def test_a_nudge_of_a_computed_value():
    widget, page = sending(example())
    page(do="nudge", card=card_of(widget, "z"), at=EPSILONS.index(0.1))
    assert widget.nudged["about"] == "z moves from 1.389 by ε = +0.1:"


def test_a_nudge_out_of_the_domain_is_told():
    x = Value(0.01, label="x")
    widget, page = sending(log(x))
    page(do="nudge", card="n0", at=EPSILONS.index(-0.1))
    assert [text for _, text, _ in widget.nudged["rows"]] == ["nan", "−10", "nan"]
    assert "no finite number at x = −0.09" in widget.nudged["note"]
    page(do="nudge", card="n0", at=EPSILONS.index(-0.01))
    assert widget.nudged["rows"][0][1] == "−inf"


def test_a_nudge_of_a_graph_whose_leaves_were_changed_is_refused_in_words():
    x = Value(2.0, label="x")
    y = x * x
    x.data = 3.0
    widget, _ = sending(y)
    widget.mode = "nudge"
    assert widget.nudged["rows"] == [] and "compute the root again" in widget.nudged["note"]


def test_the_chosen_value_stays_chosen_when_cards_open():
    widget, page = sending(network())
    page(do="unfold", card=card_of(widget, "layers[1].neurons[0]"))
    single = next(id for id, card in widget.picture["cards"].items() if not card["many"])
    widget.mode = "nudge"
    page(do="nudge", card=single, at=3)
    chosen = widget.moved
    page(do="unfold", card=card_of(widget, "layers[0].neurons[0]"))
    (card,) = [card for card in widget.scene.cards if card.nodes == [chosen]]
    assert widget.nudged["card"] == card.id


# Messages.


@pytest.mark.parametrize(
    "message", [{}, {"do": "dance"}, {"do": "fold"}, {"do": "answer", "text": 3}, {"do": "unfold", "card": None}]
)
def test_a_message_that_is_none_is_told_and_answered(message):
    widget = steps(example(), widget=True)
    sent = []
    widget.send = lambda content, buffers=None: sent.append(content)
    with pytest.raises(ValueError, match="knows no message"):
        widget.on_message(widget, message, [])
    assert "This failed" in widget.told and sent == [{"done": True}]


@pytest.mark.parametrize(
    "message",
    [{"do": "unfold", "card": "n0"}, {"do": "unfold", "card": "?"}, {"do": "fold", "at": 3},
     {"do": "nudge", "card": "n99", "at": 0}, {"do": "nudge", "card": "n0", "at": 99}],
)  # fmt: skip
def test_what_is_not_there_is_left_alone(message):
    widget, page = sending(example())
    before = dict(widget.picture)
    page(**message)
    assert widget.picture == before and widget.told == "" and widget.nudged == {}


def test_a_mode_that_is_none_is_refused():
    widget = steps(example(), widget=True)
    with pytest.raises(Exception, match="mode"):
        widget.mode = "sleep"
