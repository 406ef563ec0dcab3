"""Particles as two integers, halos, labels, and what particles carry."""
