"""lagbias: neural-net Lagrangian halo bias on AbacusSummit boxes (arXiv:2212.08095)."""
