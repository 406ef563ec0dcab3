"""Projections: matrices from standardised features to the inputs of a network."""
