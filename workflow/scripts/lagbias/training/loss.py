"""The loss: squared difference of the halo field and the sums of f over the particles of cells.

The residual may be taken over cubic blocks of cells: halos are points at their centres but the
particles of the model are spread over them, and the larger the cube, the less of that enters the
loss (docs/explanation/traps.md).

Sampling bias
-------------
With sampled fraction s of a box and nbar sampled particles a cell, the squared residual of a cell
exceeds that of the full particle set by (1 - s) sum_p f_p^2 / nbar^2 in the mean (the variance of a
random subsample), which pulls f flat. ``estimator`` says what is done about it:

    unbiased   subtract that variance, summed over the very particles (default)
    plain      the squared residual as it is (the authors' choice)

``unbiased`` draws a subsample from the whole box, ``plain`` as the authors do: m = max(int(fraction
n), 1) of the n particles of a cell, each standing for n / m
(``lagbias.training.cells.drawn_in_each``). The variance of that draw, n^2 (1/m - 1/n) times the
scatter of f within the cell, cannot be known where m = 1, as in most cells of 15 particles at 10 %:
so only the estimator that leaves the variance in draws so.
"""

import torch

from lagbias.training.cells import TrainingBoxes


def cell_sums(values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Sum of the values of each cell, (cells,), where ``lengths`` rows belong to each cell."""
    return torch.segment_reduce(values, "sum", lengths=lengths, unsafe=True)


def squared_residual(
    ratio: torch.Tensor,
    boxes: TrainingBoxes,
    cells: torch.Tensor,
    rows: torch.Tensor,
    lengths: torch.Tensor,
    estimator: str,
) -> torch.Tensor:
    """(delta_model - delta_halo)^2 of each cell or block, by one of the estimators.

    delta_model(c) = (N_cells / N_particles) sum_{p in c} f_p - 1.

    Parameters
    ----------
    ratio : (rows,), f of each row
    boxes : TrainingBoxes
    cells : int64, (cells,) or (blocks, cells of a block)
    rows, lengths : as of ``TrainingBoxes.rows_of(cells)``
    estimator : str

    Returns
    -------
    (cells,) or (blocks,)
    """
    cells = cells.reshape(len(cells), -1)
    lengths = lengths.reshape(cells.shape).sum(1)
    per_mean_cell = boxes.per_mean_cell[cells[:, 0]] / cells.shape[1]
    target = boxes.halo_overdensity[cells].mean(1) + 1
    weight = boxes.multiplicity[rows]
    residual = per_mean_cell * cell_sums(ratio * weight, lengths) - target
    if estimator == "plain":
        return residual**2
    variance = (1 - boxes.sampled_of(cells[:, 0])) * per_mean_cell**2
    return residual**2 - variance * cell_sums(ratio**2 * weight, lengths)
