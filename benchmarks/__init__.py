"""What flowbot costs: `make bench` measures it against controls and writes RESULTS.md."""
