"""What all tests share: hypothesis's profile, the browser, and the refusal to test an engine older than its source."""

from __future__ import annotations

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.browser.page import chromium, missing

PACKAGE = Path(find_spec("autograd_mini").origin).parent
PURE = os.environ.get("AUTOGRAD_MINI_PURE", "") not in ("", "0")

# The same examples in every run, and none that depends on how fast the machine is.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None, max_examples=50)
settings.load_profile("fixed")


def declarations(folder: Path, name: str, found: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """The .pxd of a module and of all that it takes C types from: when one of them changes, it is built again."""
    pxd = folder / f"{name}.pxd"
    if pxd in found or not pxd.exists():
        return found
    found = (*found, pxd)
    for module, names in re.findall(r"^from autograd_mini(?:\.(\w+))? cimport (.*)", pxd.read_text(), re.M):
        for other in [module] if module else re.findall(r"(\w+)(?: as \w+)?", names):
            found = declarations(folder, other, found)
    return found


def stale(folder: Path) -> list[str]:
    """The compiled modules in the folder that are older than what they are made from, or whose C code is."""
    found = []
    for built in sorted([*folder.glob("*.so"), *folder.glob("*.pyd")]):
        name = built.name.partition(".")[0]
        made = [path for path in (built, folder / f"{name}.c") if path.exists()]
        made_from = [path for path in (folder / f"{name}.py", *declarations(folder, name)) if path.exists()]
        if made_from and min(map(modified, made)) < max(map(modified, made_from)):
            found.append(built.name)
    return found


def modified(path: Path) -> int:
    """When the file was written last, in nanoseconds."""
    return path.stat().st_mtime_ns


def pytest_configure(config: pytest.Config) -> None:
    old = [] if PURE else stale(PACKAGE)
    if old:  # the C code goes first: Cython keeps it where only a .pxd that is cimported by another has changed
        raise pytest.UsageError(
            f"{', '.join(old)} in {PACKAGE}: older than the source, so the tests would test the engine of before;"
            " rebuild with: rm -f autograd_mini/*.c; pip install -e .  (or test the source with AUTOGRAD_MINI_PURE=1)"
        )


def pytest_report_header(config: pytest.Config) -> str:
    import autograd_mini

    return f"autograd_mini: {'compiled' if autograd_mini.COMPILED else 'pure Python'}, from {PACKAGE}"


@pytest.fixture(params=["dot", "pygraphviz"])
def graphviz_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to a layout: the `dot` on PATH, and pygraphviz's Graphviz where there is none."""
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", "")
    return str(request.param)


def pytest_itemcollected(item: pytest.Item) -> None:
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")


def need(request: pytest.FixtureRequest, lacking: str) -> None:
    """Skip a test that lacks something; fail it where browser tests were asked for by `-m browser`."""
    if lacking:
        refuse = pytest.fail if request.config.option.markexpr == "browser" else pytest.skip
        refuse(f'a browser test needs {lacking}: pip install -e ".[browser]", and Chromium with its chromedriver')


@pytest.fixture(scope="session")
def browser(request, tmp_path_factory):
    """A headless Chromium for all tests; what tests.browser offers is done with it."""
    need(request, missing())
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session")
def jupyterlab(request, browser, tmp_path_factory):
    """A JupyterLab for all tests, a tests.browser.jupyterlab.JupyterLab with the browser."""
    need(request, ", ".join(name for name in ("jupyterlab", "nbclient", "ipykernel") if not find_spec(name)))
    from tests.browser.jupyterlab import serving

    with serving(browser, tmp_path_factory.mktemp("jupyterlab")) as lab:
        yield lab
