"""The parts of `tools/benchmark.py`: one optimisation by several programs, timed in turns."""
