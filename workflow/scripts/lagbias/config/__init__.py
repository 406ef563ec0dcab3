"""The config: names, settings and checks."""
