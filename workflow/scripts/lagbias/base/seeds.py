"""Seeds: every random number is drawn from (seed, purpose); global generators are not touched."""

import zlib

import numpy as np


def seed_of(seed: int, purpose: str) -> int:
    """An independent 63-bit seed for one purpose."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)
