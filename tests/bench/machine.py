"""What a measurement depends on: the date, the machine, the interpreter, and this process's memory."""

from __future__ import annotations

import os
import platform
import sysconfig
from datetime import date
from pathlib import Path


def description() -> list[str]:
    """Return the lines that head a table: date, machine, interpreter."""
    system = f"{platform.system()} {platform.release()}"
    return [
        f"- {date.today().isoformat()}, {processor()}, {os.cpu_count()} cores, {system}",
        f"- {platform.python_implementation()} {platform.python_version()}, {optimisation()}",
    ]


def processor() -> str:
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def optimisation() -> str:
    """Say whether the interpreter was built with profile-guided optimisation."""
    variables = ("CONFIG_ARGS", "PY_CFLAGS", "PY_CORE_CFLAGS", "PY_CFLAGS_NODIST")
    flags = " ".join(str(sysconfig.get_config_var(name)) for name in variables)
    if "--enable-optimizations" in flags or "-fprofile-use" in flags:
        return "built with profile-guided optimisation (PGO)"
    return "not PGO: pure Python peers look up to 1.6x slower"


def resident_bytes() -> int:
    """Return the memory this process holds now (Linux only, as peak_bytes)."""
    return status_bytes("VmRSS")


def peak_bytes() -> int:
    """Return the most this process ever held; resource.getrusage would count what its parent held, too."""
    return status_bytes("VmHWM")


def status_bytes(key: str) -> int:
    """Return one line of /proc/self/status, which counts in kB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))
