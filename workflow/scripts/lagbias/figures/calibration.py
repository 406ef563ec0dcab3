"""The figure of calibration: f as a probability against the share of particles in halos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lagbias.base.stores import MEAN, read_netcdf
from lagbias.figures.labels import model_label
from lagbias.figures.style import draw_member_band, drawn_to, line_of

SMALLEST = 1e-4  # probability that is drawn: a network of the halo field goes on to 1e-40


def plot_calibration(calibration: Mapping[str, str | Path], outputs: Sequence[str | Path]) -> None:
    """Share of particles in halos, and its ratio to f p(halo), in bins of f p(halo).

    Parameters
    ----------
    calibration : mapping
        Model's name to its calibration on one box (``calibration.write_calibration``).
    outputs : files to write
    """
    with drawn_to(outputs, ncols=2, figsize=(9, 4.2)) as (_, axes):
        left, right = axes[0]
        for index, (name, path) in enumerate(calibration.items()):
            data = read_netcdf(path)
            ratio = data["labelled_share"] / data["predicted"]
            predicted = data["predicted"].sel(member=MEAN)
            error = float(data["expected_calibration_error"].sel(member=MEAN))
            style = {"marker": "o", "markersize": 3.5}
            label = f"{model_label(name)}: off by {error:.3f}"
            share_here = data["labelled_share"].sel(member=MEAN)
            left.plot(predicted, share_here, **line_of(index), **style, label=label)
            draw_member_band(right, predicted, ratio, index, **style)
        share = data.attrs["share_here"]
        left.axline((0, 0), slope=1, color="0.6", linewidth=0.8, zorder=0)
        left.axhline(share, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        left.set(xlabel=r"$f\,p({\rm halo})$", ylabel="share of particles in halos", xlim=(0, None))
        left.legend(title=f"of all particles {share:.3f} are in halos")
        right.axhline(1, color="0.6", linewidth=0.8, zorder=0)
        right.set(
            xscale="log", xlabel=r"$f\,p({\rm halo})$", ylim=(0, 2), xlim=(SMALLEST, 4),
            ylabel=r"share of particles in halos / $f\,p({\rm halo})$",
        )  # fmt: skip
