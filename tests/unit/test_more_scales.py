"""Networks of more scales beside those of three, as Markdown."""

import more_scales
import pandas as pd
import pytest

THREE, SIX = "R2-R2.83-R4", "R2-R2.83-R4-R5.66-R8-R11.3"


@pytest.fixture
def tables(tmp_path):
    """Tables of two sets: the network of six scales is lower in the first by 4 %, then by 2 %."""
    prefixes = []
    for name, ratio, error in (("one", 0.96, 1.2), ("two", 0.98, 1.4)):
        claims = [
            {
                "claim": claim,
                "model": SIX,
                "quantity": quantity,
                "measured": value,
                "interval": 0.1,
                "of_boxes": 0.0,
            }
            for (claim, words), value, quantity in (
                (more_scales.CLAIMS["P, k < 0.1"], ratio, f"P_model / P_model of {THREE}"),
                (more_scales.CLAIMS["P_error, 0.1–0.3"], error, f"P_error over that of {THREE}, k"),
            )
        ]
        prefixes.append(str(tmp_path / name))
        pd.DataFrame(claims).to_csv(f"{prefixes[-1]}_claims.csv", index=False)
        losses = {"model": [THREE, SIX], "train_loss": [1.0, 0.9], "validation_loss": [2.0, 2.2]}
        pd.DataFrame(losses).to_csv(f"{prefixes[-1]}_comparison.csv", index=False)
    return prefixes


def test_one_set_has_the_intervals_of_its_claims(tables, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["more_scales.py", tables[0]])
    more_scales.main()
    row = "| three: 2, 2.83, 4 | 0.960 ± 0.100 | 1.200 ± 0.100 | 0.900 | 1.100 |"
    assert row in capsys.readouterr().out


def test_several_sets_have_the_interval_of_their_scatter(tables, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["more_scales.py", *tables])
    more_scales.main()
    row = "| 0.970 ± 0.127 | 1.300 ± 1.271 | 0.900 ± 0.000 | 1.100 ± 0.000 |"  # t = 12.706
    assert row in capsys.readouterr().out
