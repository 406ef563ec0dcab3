"""Figures, from files of fits and evaluations to PDF and PNG."""
