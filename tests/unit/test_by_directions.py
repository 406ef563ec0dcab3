"""How many directions: the figure shows the rows of the comparison that it is asked for."""

import numpy as np
import pandas as pd
from lagbias.evaluation.bands import BANDS
from lagbias.figures import directions


def planted_table(path, models):
    """A comparison whose k-th band has the values 1 + row + 0.1 k in every column."""
    columns = {"model": models}
    for name in ("power_ratio", "one_minus_r2", "error_over_shot"):
        for number, (low, high) in enumerate(BANDS):
            column = f"{name}_k{low:g}-{high:g}"
            columns[column] = 1 + np.arange(len(models)) + 0.1 * number
            columns[f"{column}_box_error"] = np.nan
            columns[f"{column}_seed_deviation"] = 0.01
    pd.DataFrame(columns).to_csv(path, index=False)


def test_figure_of_directions_shows_the_models_it_is_asked_for_in_order(tmp_path, drawn_by):
    figures = drawn_by(directions)
    planted_table(tmp_path / "t.csv", ["matter", "R2-R4", "R2-R4-pc1", "R2-R4-pc2", "R2-R4_tophat"])
    models = ["R2-R4-pc1", "R2-R4-pc2", "R2-R4", "R2-R4_tophat"]
    directions.plot_by_directions(tmp_path / "t.csv", models, [])
    axes = figures[0].axes
    labels = [text.get_text() for text in axes[2].get_xticklabels()]
    assert labels == ["1", "2", "all inputs", "by hand:\ntophat"]
    for axis in axes:
        shown = {line.get_label(): line.get_ydata() for line in axis.lines}
        assert list(shown["k = 0–0.1 h/Mpc"]) == [3, 4, 2, 5]
        np.testing.assert_allclose(shown["k = 0.1–0.3 h/Mpc"], [3.2, 4.2, 2.2, 5.2])
