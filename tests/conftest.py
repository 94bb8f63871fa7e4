"""What all tests share: a fixed hypothesis profile, and the refusal to test a compiled engine older than its source."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

PACKAGE = Path(find_spec("autograd_mini").origin).parent
PURE = os.environ.get("AUTOGRAD_MINI_PURE", "") not in ("", "0")

# The same examples in every run, and none that depends on how fast the machine is.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None, max_examples=50)
settings.load_profile("fixed")


def stale(folder: Path) -> list[str]:
    """The compiled modules in the folder that are older than their source or than any declaration of C types."""
    declared = [pxd.stat().st_mtime_ns for pxd in folder.glob("*.pxd")]
    found = []
    for built in sorted([*folder.glob("*.so"), *folder.glob("*.pyd")]):
        source = folder / f"{built.name.partition('.')[0]}.py"
        if source.exists() and built.stat().st_mtime_ns < max([source.stat().st_mtime_ns, *declared]):
            found.append(built.name)
    return found


def pytest_configure(config: pytest.Config) -> None:
    old = [] if PURE else stale(PACKAGE)
    if old:
        raise pytest.UsageError(
            f"{', '.join(old)} in {PACKAGE}: older than the source, so the tests would test the engine of before;"
            " rebuild with: pip install -e .  (or test the source itself with AUTOGRAD_MINI_PURE=1)"
        )


def pytest_report_header(config: pytest.Config) -> str:
    import autograd_mini

    return f"autograd_mini: {'compiled' if autograd_mini.COMPILED else 'pure Python'}, from {PACKAGE}"
