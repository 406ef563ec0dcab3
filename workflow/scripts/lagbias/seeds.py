"""Seeds: every random number is drawn from (seed, purpose); global generators are not touched."""

import zlib

import numpy as np
import torch


def seed_of(seed: int, purpose: str) -> int:
    """An independent 63-bit seed for one purpose."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator_of(seed: int, purpose: str) -> torch.Generator:
    """A torch generator for one purpose; the global state is not touched."""
    return torch.Generator().manual_seed(seed_of(seed, purpose))
