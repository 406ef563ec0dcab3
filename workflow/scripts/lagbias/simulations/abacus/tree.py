"""Where the files of a box lie in AbacusSummit's tree."""

from dataclasses import dataclass
from pathlib import Path

from lagbias.base.errors import InputError

PRODUCTS = ("halo_info", "halo_rv_A", "halo_pid_A", "field_rv_A", "field_pid_A")


@dataclass(frozen=True)
class BoxFiles:
    """Where the files of one simulation box lie.

    Parameters
    ----------
    halos : Path
        The folder of one redshift, ``[small/]SIM/halos/z0.500``.
    density : Path
        The initial density, ``ic/[small/]SIM/ic_dens_N576.asdf``.
    """

    halos: Path
    density: Path

    @classmethod
    def under(cls, root: str | Path, name: str, redshift: float, density_grid: int) -> "BoxFiles":
        """The layout of the public tree under ``root``; small boxes lie in a folder ``small``."""
        group = "small/" if "_small_" in name else ""
        return cls(
            halos=Path(root) / f"{group}{name}/halos/z{redshift:.3f}",
            density=Path(root) / f"ic/{group}{name}/ic_dens_N{density_grid}.asdf",
        )

    def product(self, name: str) -> list[Path]:
        """The files of one product that are there, in order of their numbers.

        Raises
        ------
        InputError
            If there is none.
        """
        files = sorted((self.halos / name).glob(f"{name}_*.asdf"))
        if not files:
            raise InputError(
                f"no files {self.halos / name}/{name}_*.asdf: expected the {name} files of an "
                "AbacusSummit box: fetch them"
            )
        return files

    def found(self) -> list[Path]:
        """Every file of this box that is there.

        Raises
        ------
        InputError
            If the initial density or a whole product is missing.
        """
        if not self.density.exists():
            raise InputError(
                f"no initial density {self.density}: expected an ic_dens file; check `density_grid`"
            )
        products = {name: self.product(name) for name in PRODUCTS}
        numbers = {name: {file.stem[-3:] for file in files} for name, files in products.items()}
        every = set().union(*numbers.values())
        for name, found in numbers.items():
            if found != every:
                missing = ", ".join(f"{name}_{number}.asdf" for number in sorted(every - found))
                raise InputError(
                    f"{self.halos / name} lacks {missing}: expected one file of every number that "
                    "the other products have; fetch the box again"
                )
        return [self.density, *(file for files in products.values() for file in files)]

    def expected(self, files_per_product: int) -> list[Path]:
        """Every file that this box will have once it is simulated or downloaded."""
        return [
            self.density,
            *(
                self.halos / name / f"{name}_{number:03d}.asdf"
                for name in PRODUCTS
                for number in range(files_per_product)
            ),
        ]
