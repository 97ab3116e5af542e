"""Benchmarks of flowbot: `make bench` runs them and writes RESULTS.md."""
