"""Boxes: what formats they come in, where they are fetched, how a small one is made."""
