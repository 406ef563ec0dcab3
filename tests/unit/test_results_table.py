"""Tables in Markdown: what several comparisons become."""

import numpy as np
import pandas as pd
import pytest
import results_table


def comparison(ratio, seeds):
    row = {"model": "R2-R4", "tracer": "N50"}
    for name in results_table.COLUMNS.values():
        row |= {name: ratio, f"{name}_box_error": 9.0, f"{name}_seed_deviation": seeds}
    return pd.DataFrame([row | {"model": "R3"}, row])


def test_sets_of_unlike_training_boxes_are_averaged_and_their_scatter_told(capsys):
    found = results_table.over_sets([comparison(0.99, 0.003), comparison(1.03, 0.004)])
    assert list(found["model"]) == ["R3", "R2-R4"]
    for name in results_table.COLUMNS.values():
        assert found.loc[0, name] == pytest.approx(1.01)
        assert found.loc[0, f"{name}_box_error"] == pytest.approx(0.04 / np.sqrt(2))
        assert found.loc[0, f"{name}_seed_deviation"] == pytest.approx(0.005 / np.sqrt(2))


def test_table_of_several_files_is_printed(tmp_path, monkeypatch, capsys):
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for path, ratio in zip(paths, (0.99, 1.03), strict=True):
        comparison(ratio, 0.0).to_csv(path, index=False)
    monkeypatch.setattr("sys.argv", ["results_table.py", *map(str, paths)])
    results_table.main()
    assert "| two: 2, 4 | 1.010 ± 0.028 (0.000) |" in capsys.readouterr().out


def test_claims_of_several_sets_are_averaged_with_the_interval_of_their_scatter():
    def claims(deficit, fitted):
        row = {"claim": "low", "model": "R2-R4", "quantity": "P", "verdict": "fails"}
        row |= {"measured": deficit, "of_boxes": 0.05}
        return pd.DataFrame([row, row | {"quantity": f"P of {fitted}"}])

    found = results_table.claims_over_sets([claims(0.96, "R2"), claims(0.98, "R4")])
    assert list(found["quantity"]) == ["P"], "what not all sets have is left out"
    assert found.loc[0, "measured"] == pytest.approx(0.97)
    assert found.loc[0, "of_sets"] == pytest.approx(12.706 * 0.01, rel=1e-3)
    assert found.loc[0, "of_boxes"] == pytest.approx(0.05)
    assert found.loc[0, "interval"] == pytest.approx(np.hypot(0.12706, 0.05), rel=1e-3)


def test_other_tables_are_one_below_the_other_with_their_names(tmp_path, monkeypatch, capsys):
    paths = [tmp_path / "mini_N50_filters.csv", tmp_path / "z1_N50_filters.csv"]
    for path, radius in zip(paths, (2.5, 3.5), strict=True):
        pd.DataFrame([{"model": "R2", "radius": radius}]).to_csv(path, index=False)
    monkeypatch.setattr("sys.argv", ["results_table.py", *map(str, paths)])
    results_table.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "| table | model | radius |", "|---|---|---|", "| mini_N50 | R2 | 2.5 |",
        "| z1_N50 | R2 | 3.5 |",
    ]  # fmt: skip
