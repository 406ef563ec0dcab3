"""How final displacements of boxes compare with those of their density: a Markdown table.

    snakemake --cores 2 --configfile config/gadget.yaml -- results/gadget120/particles.zarr
    python benchmarks/displacements.py results/*/particles.zarr

Prints what ``lagbias.simulations.displacements`` measured as the particles were indexed.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from lagbias.base.stores import open_store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stores", nargs="+", help="particle stores")
    print("| box | side [Mpc/h] | correlation along x, y, z | slope along x, y, z |")
    print("|---|---|---|---|")
    for path in parser.parse_args().stores:
        found = open_store(path).attrs
        columns = [
            ", ".join(f"{number:.3f}" for number in found[f"displacement_{name}"])
            for name in ("correlation", "slope")
        ]
        print(f"| {found['simulation']} | {found['box_size']:g} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
