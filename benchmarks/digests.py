"""Digests of the weights and tables of a run: what a change that changes no number leaves as it is.

    snakemake --cores 2 --configfile config/test.yaml
    python benchmarks/digests.py > after.txt
    diff benchmarks/tiny_digests.txt after.txt

Weights are the tensors of each network, without the settings in their file. Digests are of one
machine: another processor may end in other last bits.
"""

import argparse
import hashlib
from pathlib import Path

import torch


def digest_of(file: Path) -> str:
    """SHA-256 of a table, or of the tensors of a file of weights, in order of their names."""
    if file.suffix != ".pt":
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    found, queue = hashlib.sha256(), [("", torch.load(file, weights_only=True))]
    while queue:
        name, value = queue.pop()
        if isinstance(value, dict):
            queue += sorted(((f"{name}/{key}", value[key]) for key in value), reverse=True)
        elif torch.is_tensor(value):
            found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", default="results", type=Path)
    results = parser.parse_args().results
    files = [*results.glob("fits/**/weights.pt"), *results.glob("tables/*.csv")]
    for file in sorted(files):
        print(digest_of(file), file.relative_to(results))


if __name__ == "__main__":
    main()
