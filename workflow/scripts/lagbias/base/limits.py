"""What a box can hold, by its numbers alone: known before any file of it is there."""

from lagbias.base.errors import InputError

# A particle store counts cells and Lagrangian points in 32 bits; 1625^3 is the last cube that fits.
MOST_CELLS = MOST_POINTS = 1625
MOST_PAINTED = 2**15 - 1  # cells a side: abacusutils paints with 16 bits for a coordinate
MOST_PARTICLES = 2**15  # a side: Abacus's particle identifiers have 15 bits for a coordinate
MOST_TO_A_POINT = 2**16 - 1  # particles of a Lagrangian point, which labels count in 16 bits
MOST_SIMULATED = 1290  # particles a side: halo finding numbers particles in 31 bits
MOST_LINKS = 2**31 - 1  # of halo finding: scipy counts the links of a graph in 31 bits


def check_side(field: str, found: int, most: int, advice: str) -> None:
    """Refuse a grid, mesh or lattice of more points a side than can be counted.

    Parameters
    ----------
    field : str
        What is counted, named in the error.
    found, most : int
        Points a side.
    advice : str

    Raises
    ------
    InputError
        If there are more than ``most``.
    """
    if found > most:
        raise InputError(f"{field}: found {found} a side, expected at most {most}; {advice}")


def check_mesh(field: str, cells: int, box_size: float, most: int) -> None:
    """Refuse a mesh of more cells a side than can be counted (see ``check_side``)."""
    smallest = f"use cells of {box_size / most:.3g} Mpc/h or more"
    check_side(f"{field}, cells of the mesh", cells, most, smallest)


def check_density_grid(field: str, points: int) -> None:
    """Refuse an initial density of more points a side than can be counted (see ``check_side``)."""
    check_side(f"{field}, points of the initial density", points, MOST_POINTS, "use a coarser one")


def check_scale(smoothing_scale: float, box_size: float, points: int) -> None:
    """Refuse a scale that the grid cannot hold.

    Parameters
    ----------
    smoothing_scale : float
        R [Mpc/h]
    box_size : float
        [Mpc/h]
    points : int
        Of the initial density, a side.

    Raises
    ------
    InputError
        If R is below the grid spacing or above half the box.
    """
    spacing = box_size / points
    if not spacing <= smoothing_scale <= box_size / 2:
        raise InputError(
            f"smoothing scale R={smoothing_scale:g} Mpc/h is outside what the density grid holds: "
            f"expected {spacing:.3g} (its spacing, {box_size:g} Mpc/h / {points}) "
            f"to {box_size / 2:g} Mpc/h (half the box); use such an R or a finer ic_dens file"
        )


def check_block(block: int, cells: int) -> None:
    """Refuse cubes of cells that do not tile a mesh.

    Parameters
    ----------
    block, cells : int
        Cells along a side, of a cube and of the mesh.

    Raises
    ------
    InputError
        If the one does not divide the other.
    """
    if cells % block:
        raise InputError(
            f"training.block: cubes of {block} cells do not tile a mesh of {cells} cells a side; "
            "use a divisor of it, or another mesh.cell_size"
        )
