"""The command line of the benchmarks: eager, compiled and derivatives (the tables), limits, leak."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.bench import eager
from tests.bench.engines import ENGINES


def main() -> int:
    """Run one benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmarks of autograd_mini.")
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("eager", help="the table: this engine beside its peers, about two minutes")
    table.add_argument("--quick", action="store_true", help="a rougher table in under 25 seconds, without the limits")
    table = commands.add_parser("compiled", help="the table: @compile beside its peers, under ten minutes")
    table.add_argument("--quick", action="store_true", help="a rougher table in under a minute")
    table.add_argument("--only", help="one workload: a name in tests/bench/workloads")
    commands.add_parser("derivatives", help="second derivatives beside first ones")
    commands.add_parser("limits", help="one chain of ten million nodes")
    leak = commands.add_parser("leak", help="fail if memory grows while graphs come and go")
    leak.add_argument("--seconds", type=float, default=60.0)
    memory = commands.add_parser("memory", help="bytes per operation of one engine (what eager runs for each)")
    memory.add_argument("engine", choices=ENGINES)
    memory.add_argument("--chains", type=int, default=25)
    arguments = parser.parse_args()

    if arguments.command == "eager":
        eager.report(arguments.quick)
        if not arguments.quick:
            print(flush=True)
            # A process of its own: its peak of memory is then the chain's, not that of the peers' imports.
            return subprocess.run([sys.executable, "-m", "tests.bench", "limits"], check=False).returncode
    elif arguments.command == "compiled":
        from tests.bench import compiled  # sets the number of threads before it loads what has some

        compiled.report(arguments.quick, arguments.only)
    elif arguments.command == "derivatives":
        from tests.bench import derivatives

        derivatives.report()
    elif arguments.command == "memory":
        print(eager.memory(arguments.engine, arguments.chains))
    else:
        from tests.bench import limits  # imports this engine, which the other commands load by themselves

        if arguments.command == "leak":
            return limits.leak(arguments.seconds)
        limits.limits()
    return 0


sys.exit(main())
