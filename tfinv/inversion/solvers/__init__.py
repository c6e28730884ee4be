"""The solvers by name; a new one is a file here and a line in `SOLVERS`."""

from tfinv.inversion.solvers.adam import Adam
from tfinv.inversion.solvers.base import Evaluate, Solver, SolverState, Status
from tfinv.inversion.solvers.lbfgs import LBFGS

__all__ = ["LBFGS", "SOLVERS", "Adam", "Evaluate", "Solver", "SolverState", "Status"]

SOLVERS = {"adam": Adam, "lbfgs": LBFGS}
