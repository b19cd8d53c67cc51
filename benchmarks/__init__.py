"""One file a benchmark; `python -m benchmarks` runs them and prints a table. Figures are ratios or processor time."""
