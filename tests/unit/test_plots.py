"""What all figures share."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from lagbias.figures.statistics import _draw_bispectra
from lagbias.figures.style import COLOURS, LINES, drawn_to, line_of, wavenumber_axis


def test_no_two_of_many_curves_look_the_same():
    """A set of nine scale sets and linear bias is ten curves, more than there are colours."""
    count = len(COLOURS) * len(LINES)
    assert count > 50
    assert len({tuple(line_of(index).values()) for index in range(count)}) == count


@pytest.mark.parametrize("curve", [[], [np.nan] * 3], ids=["no point", "no number"])
def test_panel_with_nothing_to_show_says_so(tmp_path, curve):
    """No axis can be logarithmic where no number is, as of bispectra in small boxes."""
    with drawn_to([tmp_path / "figure.png"], ncols=2) as (_, axes):
        for axis, values in zip(axes.flat, ([1, 2, 3], curve), strict=True):
            axis.plot(np.array([0.1, 0.2, 0.3])[: len(values)], values)
            axis.set_yscale("log", nonpositive="mask")
            wavenumber_axis(axis)
    said = [[text.get_text() for text in axis.texts] for axis in axes.flat]
    assert said == [[], ["not measured in these boxes"]]
    assert (tmp_path / "figure.png").exists()


def test_ratios_of_bispectra_are_drawn_where_halos_have_more_than_shot_noise():
    k, halo = np.array([0.1, 0.2, 0.3, 0.4]), np.array([9.0, 4.0, -1.0, 6.0])
    members = ["seed1", "seed2", "mean"]
    model = np.outer([0.9, 1.1, 1.0], halo)
    data = xr.Dataset(
        {
            "bispectrum_model": (("member", "k"), model),
            "bispectrum_sampling_noise": ("k", np.zeros(4)),
            "bispectrum_halo": ("k", halo),
            "bispectrum_shot_noise": ("k", np.full(4, 5.0)),
            "bispectrum_ratio": (("member", "k"), model / halo),
        },
        coords={"member": members, "k": k},
    )
    figure, (top, bottom) = plt.subplots(2)
    _draw_bispectra(top, bottom, {"R2-R4": data})
    np.testing.assert_array_equal(bottom.lines[0].get_xdata(), [0.1, 0.4])
    np.testing.assert_allclose(bottom.lines[0].get_ydata(), 1)
    plt.close(figure)
