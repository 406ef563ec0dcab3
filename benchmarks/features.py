"""Features of one smoothing scale against the plain way: time, memory, and the largest difference.

    python benchmarks/features.py [--points 576] [--threads 2] [--without-plain]

The plain way is nine single-threaded transforms of the smoothed tidal tensor, one for each of its
components, and one each for the density and its Laplacian (scipy, float32). Both run on the same
random density in one process each, one after the other. Seconds are of the wall clock, of the
second scale of two: planning, compilation and the forward transform, which serve all scales, are
printed apart. Memory is the process's peak, interpreter and libraries included, also in float32
grids of so many points.

The machine's limit of a transform is its memory: a cube that no cache holds is passed through
twice at least (its planes, then its first axis), read and written, 16 bytes a point. The last
column is that over the time of one backward transform, over the bytes that as many threads read
and write in a second when they copy arrays, all in one run.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.fields.grid import Grid

SPACING = 500 / 576  # Mpc/h, of a small box
SCALES = (2.0, 2.83)


def density(points: int) -> np.ndarray:
    """White noise, float32 (n, n, n): the cost of a transform hangs on its size alone."""
    return np.random.default_rng(1).standard_normal((points,) * 3, dtype=np.float32)


def plain_features(spectrum: np.ndarray, grid: Grid, scale: float):
    """delta, laplacian and G2 by the textbook, one thread: 11 backward transforms."""
    import scipy.fft

    k, last = grid.wavenumbers().astype(np.float32), grid.half_wavenumbers().astype(np.float32)
    axes = k[:, None, None], k[:, None], last
    k2 = sum(axis**2 for axis in axes)
    smoothed = spectrum * np.exp(-0.5 * k2 * np.float32(scale**2))

    def back(modes):
        return scipy.fft.irfftn(modes, s=grid.shape, axes=(0, 1, 2), workers=1, overwrite_x=True)

    yield back(smoothed.copy())
    yield back(-k2 * smoothed)
    k2[0, 0, 0] = np.inf
    shear = np.zeros(grid.shape, dtype=np.float32)
    for i in range(3):
        for j in range(3):
            tensor = axes[i] * axes[j] / k2 - np.float32(1 / 3 if i == j else 0)
            tensor[0, 0, 0] = 0
            shear += back(tensor * smoothed) ** 2
    yield shear


def time_plain(points: int) -> dict:
    """Seconds of the plain way, of two scales, after its forward transform."""
    import scipy.fft

    grid = Grid(points, points * SPACING)
    started = time.perf_counter()
    spectrum = scipy.fft.rfftn(density(points), workers=1)
    setup = time.perf_counter() - started
    for scale in SCALES:
        started = time.perf_counter()
        sample = [field[::37, ::41, ::43].copy() for field in plain_features(spectrum, grid, scale)]
        seconds = time.perf_counter() - started
    return {"setup": setup, "seconds": seconds, "sample": np.stack(sample).tolist()}


def time_ours(points: int, threads: int) -> dict:
    """Seconds of this project's way."""
    from lagbias.config.names import FEATURE_KINDS
    from lagbias.features.smoothed import SmoothedFeatures

    started = time.perf_counter()
    features = SmoothedFeatures(lambda: density(points), points * SPACING, threads)
    setup = time.perf_counter() - started
    for scale in SCALES:
        started = time.perf_counter()
        # The plain way's backward transform divides by n^3, ours has done so before.
        sample = [features.compute(kind, scale)[::37, ::41, ::43].copy() for kind in FEATURE_KINDS]
        seconds = time.perf_counter() - started
    return {"setup": setup, "seconds": seconds, "sample": np.stack(sample).tolist()}


def least_seconds(work: Callable, repeats: int = 5) -> float:
    """Least seconds of some runs, after one that is not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def copy_bandwidth(threads: int) -> float:
    """Bytes that threads read and write in a second, each copying 128 MiB."""
    arrays = [np.ones((2, 2**25), dtype=np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        seconds = least_seconds(lambda: list(pool.map(lambda a: np.copyto(a[1], a[0]), arrays)))
    return sum(array.nbytes for array in arrays) / seconds


def transform_share(way: str, points: int, threads: int) -> float:
    """Share of the copies' bandwidth that a backward transform of a way reaches."""
    import scipy.fft
    from lagbias.fields.grid import InPlaceTransform

    if way == "ours":  # every other plane at a time
        shape = (points // 2, points, points)
        transform = InPlaceTransform(shape, threads)
        transform.spectrum[:] = 1
        seconds = least_seconds(transform.to_field, 3)
    else:
        shape, threads = (points,) * 3, 1
        modes = np.ones((points, points, points // 2 + 1), dtype=np.complex64)
        seconds = least_seconds(lambda: scipy.fft.irfftn(modes, s=shape, workers=1), 3)
    return 2 * 2 * 4 * np.prod(shape, dtype=float) / seconds / copy_bandwidth(threads)


def run_apart(way: str, points: int, threads: int) -> dict:
    """Run one way in a process of its own, whose peak memory is then known."""
    command = [sys.executable, __file__, "--only", way, "--points", str(points)]
    finished = subprocess.run(
        [*command, "--threads", str(threads)], check=True, capture_output=True, text=True
    )
    return json.loads(finished.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=576)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--without-plain", action="store_true", help="where it needs too much")
    parser.add_argument("--only", choices=["plain", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        result = (
            time_plain(options.points)
            if options.only == "plain"
            else time_ours(options.points, options.threads)
        )
        usage = resource.getrusage(resource.RUSAGE_SELF)
        costs = {"peak_kib": usage.ru_maxrss, "cpu": usage.ru_utime + usage.ru_stime}
        share = transform_share(options.only, options.points, options.threads)
        print(json.dumps(result | costs | {"share": share}))
        return
    ways = ["ours"] if options.without_plain else ["plain", "ours"]
    results = {way: run_apart(way, options.points, options.threads) for way in ways}
    columns = "s a scale | setup s | CPU s in all | peak GB | float32 grids | of copying"
    print(f"| {options.points}^3 | {columns} |\n|---|---|---|---|---|---|---|")
    for way, row in results.items():
        grids = row["peak_kib"] * 1024 / (4 * options.points**3)
        print(
            f"| {way} | {row['seconds']:.1f} | {row['setup']:.1f} | {row['cpu']:.0f} "
            f"| {row['peak_kib'] * 1024 / 1e9:.2f} | {grids:.2f} | {row['share']:.0%} |"
        )
    if len(ways) == 2:
        samples = {way: np.array(row["sample"]) for way, row in results.items()}
        worst = np.abs(samples["ours"] - samples["plain"]).max(axis=(1, 2, 3))
        deviation = samples["plain"].std(axis=(1, 2, 3))
        ratio = results["plain"]["seconds"] / results["ours"]["seconds"]
        print(f"\nplain / ours: {ratio:.1f} in time; largest difference of delta, laplacian, G2 in")
        print(f"standard deviations: {np.round(worst / deviation, 7)}")


if __name__ == "__main__":
    main()
