"""Benchmarks of autograd_mini beside its peers: `python -m tests.bench eager`, from the repository's root."""
