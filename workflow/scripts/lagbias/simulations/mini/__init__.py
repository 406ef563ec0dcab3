"""A small, physically real simulation in AbacusSummit's formats."""
