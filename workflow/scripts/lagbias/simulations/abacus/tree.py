"""Where the files of a box lie in AbacusSummit's tree."""

from dataclasses import dataclass
from pathlib import Path

from lagbias.base.errors import InputError

PRODUCTS = ("halo_info", "halo_rv_A", "halo_pid_A", "field_rv_A", "field_pid_A")
# What cleaning by merger trees changed (Bose et al. 2022, arXiv:2110.11408), in a tree of its own.
CLEANED_PRODUCTS = ("cleaned_halo_info", "cleaned_rvpid")


@dataclass(frozen=True)
class BoxFiles:
    """Where the files of one simulation box lie.

    Parameters
    ----------
    halos : Path
        The folder of one redshift, ``[small/]SIM/halos/z0.500``.
    density : Path
        The initial density, ``ic/[small/]SIM/ic_dens_N576.asdf``.
    cleaning : Path, optional
        Of cleaned halos, ``cleaning/[small/]SIM/z0.500``; None where halos are read uncleaned.
    """

    halos: Path
    density: Path
    cleaning: Path | None = None

    @classmethod
    def under(
        cls,
        root: str | Path,
        name: str,
        redshift: float,
        density_grid: int,
        cleaned: bool = False,
    ) -> "BoxFiles":
        """The layout of the public tree under ``root``; small boxes lie in a folder ``small``."""
        box, at = ("small/" if "_small_" in name else "") + name, f"z{redshift:.3f}"
        return cls(
            halos=Path(root) / f"{box}/halos/{at}",
            density=Path(root) / f"ic/{box}/ic_dens_N{density_grid}.asdf",
            cleaning=Path(root) / f"cleaning/{box}/{at}" if cleaned else None,
        )

    @property
    def cleaning_tree(self) -> Path | None:
        """The folder ``cleaning`` of the tree."""
        if self.cleaning is None:
            return None
        return self.cleaning.parents[2 if self.cleaning.parents[1].name == "small" else 1]

    def folders(self) -> dict[str, Path]:
        """The folder of each product."""
        folders = {name: self.halos / name for name in PRODUCTS}
        if self.cleaning is not None:
            folders |= {name: self.cleaning / name for name in CLEANED_PRODUCTS}
        return folders

    def product(self, name: str) -> list[Path]:
        """The files of one product that are there, in order of their numbers.

        Raises
        ------
        InputError
            If there is none.
        """
        folder = self.folders()[name]
        files = sorted(folder.glob(f"{name}_*.asdf"))
        if not files:
            uncleaned = ", or leave `cleaned` out" if name in CLEANED_PRODUCTS else ""
            raise InputError(
                f"no files {folder}/{name}_*.asdf: expected the {name} files of an "
                f"AbacusSummit box: fetch them{uncleaned}"
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
        folders = self.folders()
        products = {name: self.product(name) for name in folders}
        numbers = {name: {file.stem[-3:] for file in files} for name, files in products.items()}
        every = set().union(*numbers.values())
        for name, found in numbers.items():
            if found != every:
                missing = ", ".join(f"{name}_{number}.asdf" for number in sorted(every - found))
                raise InputError(
                    f"{folders[name]} lacks {missing}: expected one file of every number that "
                    "the other products have; fetch the box again"
                )
        return [self.density, *(file for files in products.values() for file in files)]

    def expected(self, files_per_product: int) -> list[Path]:
        """Every file that this box will have once it is simulated or downloaded."""
        return [
            self.density,
            *(
                folder / f"{name}_{number:03d}.asdf"
                for name, folder in self.folders().items()
                for number in range(files_per_product)
            ),
        ]
