"""lagbias: neural-net Lagrangian halo bias on AbacusSummit boxes (arXiv:2212.08095)."""

import os

# Results depend on this repository alone, not on what a user has set for other programs. Both are
# read when a library is imported, or used: a notebook's backend is not installed here.
os.environ["MPLBACKEND"] = "Agg"
for name in [name for name in os.environ if name.startswith("PL_TRAINER_")]:
    del os.environ[name]  # Lightning's defaults
