"""What a box can hold, by its numbers alone: known before any file of it is there."""

from lagbias.errors import InputError


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
