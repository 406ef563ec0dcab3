"""Features of a density in a process of its own, for ``authors.py``: ours, or the plain way.

    python benchmarks/authors_features.py ours FOLDER 2.83
    python benchmarks/authors_features.py plain FOLDER 2 2.83 4

Reads ``FOLDER/density.npy`` and prints the CPU seconds from there to the last file. ``ours`` is
what one job of the rule ``compute_features`` does, imports included. Imports stand where they are
needed, since each way pays for its own.
"""

import sys
import time
from pathlib import Path

import numpy as np

SPACING = 200 / 192  # Mpc/h, of a box of the default config


def ours(folder: Path, scales: list[float]) -> float:
    """The work of the rule's script, on a density from a file of numpy: stores of zarr."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))
    import compute_features
    import snakemake.script  # noqa: F401  (the first line of every job)

    started = time.process_time()
    points = len(np.load(folder / "density.npy", mmap_mode="r"))
    stores = {scale: folder / f"R{scale:g}.zarr" for scale in scales}
    compute_features.write_features(
        lambda: np.load(folder / "density.npy"), points * SPACING, stores, threads=1
    )
    return time.process_time() - started


def plain_features(density: np.ndarray, box_size: float, scales: list[float]):
    """Name and values of the features: one transform forward, eight backward for each scale."""
    import scipy.fft

    points = len(density)
    kx, ky, kz = (
        np.fft.fftfreq(points, box_size / points).astype(np.float32)[:, None, None],
        np.fft.fftfreq(points, box_size / points).astype(np.float32)[:, None],
        np.fft.rfftfreq(points, box_size / points).astype(np.float32),
    )
    k = [np.float32(2 * np.pi) * axis for axis in (kx, ky, kz)]
    k2 = k[0] ** 2 + k[1] ** 2 + k[2] ** 2
    one_over_k2 = 1 / np.where(k2 > 0, k2, np.inf)
    spectrum = scipy.fft.rfftn(density)
    for scale in scales:
        smoothed = spectrum * np.exp(-k2 * np.float32(scale**2 / 2))
        delta = scipy.fft.irfftn(smoothed, s=density.shape)
        yield f"R{scale:g}_delta", delta
        yield f"R{scale:g}_laplacian", scipy.fft.irfftn(-k2 * smoothed, s=density.shape)
        g2 = np.zeros_like(delta)
        for i in range(3):
            for j in range(i, 3):
                tide = scipy.fft.irfftn(k[i] * k[j] * one_over_k2 * smoothed, s=density.shape)
                g2 += (tide - delta / 3) ** 2 if i == j else 2 * tide**2
        yield f"R{scale:g}_g2", g2


def plain(folder: Path, scales: list[float]) -> float:
    """The way of one script: all scales after one transform, and files of numpy."""
    import scipy.fft  # noqa: F401  (before the clock starts, as of ours)

    started = time.process_time()
    density = np.load(folder / "density.npy")
    for name, field in plain_features(density, len(density) * SPACING, scales):
        np.save(folder / f"{name}.npy", field)
    return time.process_time() - started


if __name__ == "__main__":
    way, place, *numbers = sys.argv[1:]
    print({"ours": ours, "plain": plain}[way](Path(place), [float(number) for number in numbers]))
