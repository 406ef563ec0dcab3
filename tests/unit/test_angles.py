"""Principal angles between planted gradient directions."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lagbias.base.errors import InputError
from lagbias.base.stores import write_netcdf
from lagbias.interpretation.angles import Directions, Fit
from lagbias.projection.directions import eigen_directions
from lagbias.projection.projection import Projection
from lagbias.tables.angles import write_angles

SPACE_KINDS = ("delta", "delta", "laplacian", "laplacian", "g2", "g2")
SPACE_SCALES = (2.0, 4.0) * 3
DEVIATION = np.array([1.0, 0.5, 0.3, 0.1, 2.0, 0.7])
# Delta at both scales, and G2 at both: two blocks, as of fields.
CORRELATION = np.eye(6)
CORRELATION[0, 1] = CORRELATION[1, 0] = 0.8
CORRELATION[4, 5] = CORRELATION[5, 4] = 0.6
FIVE_DIGITS = 1e-4  # of a table


def projection_at(scales, scale_of=1.0):
    """Standardised features at some scales as inputs, their deviations scaled."""
    chosen = np.array([scale in scales for scale in SPACE_SCALES])
    kinds = tuple(kind for kind, there in zip(SPACE_KINDS, chosen, strict=True) if there)
    some = tuple(scale for scale in SPACE_SCALES if scale in scales)
    size = chosen.sum()
    return Projection(
        np.eye(size), np.zeros(size), scale_of * DEVIATION[chosen],
        CORRELATION[np.ix_(chosen, chosen)], kinds, some,
    )  # fmt: skip


def covariance_of(*directions):
    """<grad grad^T> with these unit directions as the first eigenvectors."""
    return sum(10.0**-n * np.outer(d, d) for n, d in enumerate(directions))


def write_fit(folder, scales, members, boxes=(), scale_of=1.0):
    """Files of a fit whose covariances (inputs, inputs) of f are planted; of log f all alike."""
    folder.mkdir(parents=True)
    mapping = projection_at(scales, scale_of)
    mapping.write(folder / "projection.nc")
    size = mapping.inputs
    unit = np.eye(size)
    log_covariance = covariance_of(unit[0], unit[1])
    covariance = np.zeros((2, len(members), max(len(boxes), 1), size, size))
    covariance[1] = log_covariance
    covariance[0] = np.array(list(members.values()))[:, None]
    for number, box in enumerate(boxes):
        covariance[0, :, number] = box
    _, vectors = eigen_directions(covariance[:, :, 0])
    if boxes:
        _, vectors[0] = eigen_directions(np.array(list(members.values())))
    write_netcdf(
        xr.Dataset(
            {
                "gradient_covariance": (
                    ("version", "member", "box", "input", "input_"),
                    covariance,
                ),
                "eigenvector": (("version", "member", "direction", "input"), vectors),
            },
            coords={"version": ["f", "log10 f"], "member": list(members)},
        ),
        folder / "gradient_pca.nc",
    )
    return folder / "gradient_pca.nc", folder / "projection.nc"


def turned(size, degrees, first=0, second=1):
    """A unit vector at some angle from axis ``first`` towards axis ``second``."""
    vector = np.zeros(size)
    vector[first], vector[second] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


@pytest.fixture
def space(tmp_path):
    projection_at((2.0, 4.0)).write(tmp_path / "space.nc")
    return tmp_path / "space.nc"


def table_of(fits, space, tmp_path, **chosen):
    write_angles(fits, space, "mini", "N50", tmp_path / "angles.csv")
    table = pd.read_csv(tmp_path / "angles.csv", keep_default_na=False, na_values=[""])
    for column, value in chosen.items():
        table = table[table[column] == value]
    return table


def test_angles_between_seeds_and_between_boxes_are_those_planted(tmp_path, space):
    # Three inputs, uncorrelated: delta, laplacian and G2 at R = 2.
    members = {
        "seed1": covariance_of(turned(3, 0), turned(3, 90)),
        "seed2": covariance_of(turned(3, 10), turned(3, 100)),
        "seed3": covariance_of(turned(3, 30), turned(3, 0, 2)),
        "mean": covariance_of(turned(3, 0), turned(3, 90)),
    }
    boxes = [covariance_of(turned(3, 0), turned(3, 90)), covariance_of(turned(3, 4), turned(3, 94))]
    fit = write_fit(tmp_path / "fit", (2.0,), members, boxes)
    fits = {Fit("mini", "N50", "R2"): fit}
    seeds = table_of(fits, space, tmp_path, between="seeds", gradient_of="f")
    assert seeds["pairs"].tolist() == [3, 3, 3]
    one = seeds[seeds["directions"] == 1].iloc[0]
    # Pairs: 10, 20 and 30 degrees.
    expected = {"degrees_min": 10, "degrees_median": 20, "degrees_max": 30}
    for column, degrees in expected.items():
        assert one[column] == pytest.approx(degrees, rel=FIVE_DIGITS), column
    assert np.isnan(one["degrees"])
    assert one["cosine_max"] == pytest.approx(np.cos(np.radians(10)), rel=FIVE_DIGITS)
    # The first two span one plane, the third a plane at right angles that shares a line with it.
    two = seeds[seeds["directions"] == 2].set_index("angle")
    assert two.loc[1, "degrees_max"] == pytest.approx(0, abs=1e-4)  # root of rounding, in degrees
    assert two.loc[2, "degrees_min"] == pytest.approx(0, abs=1e-4)
    assert two.loc[2, "degrees_median"] == pytest.approx(90, rel=FIVE_DIGITS)
    between_boxes = table_of(fits, space, tmp_path, between="boxes", gradient_of="f", directions=1)
    assert between_boxes["degrees_median"].item() == pytest.approx(4, rel=FIVE_DIGITS)
    versions = table_of(fits, space, tmp_path, between="f and log10 f", directions=1).iloc[0]
    assert versions["degrees"] == pytest.approx(0, abs=1e-4)
    assert versions["degrees_max"] == pytest.approx(30, rel=FIVE_DIGITS)
    assert set(table_of(fits, space, tmp_path)["between"]) == {"seeds", "boxes", "f and log10 f"}


def test_scale_sets_are_compared_as_fields(tmp_path, space):
    # Density at R = 2 against density at R = 4, whose fields correlate by 0.8; then both G2.
    only = covariance_of(turned(3, 0), turned(3, 0, 2))
    members = {"seed1": only, "mean": only}
    fits = {
        Fit("mini", "N50", f"R{scale:g}"): write_fit(tmp_path / f"R{scale:g}", (scale,), members)
        for scale in (2.0, 4.0)
    }
    found = table_of(fits, space, tmp_path, between="scale sets", gradient_of="f")
    assert found["model"].unique().tolist() == ["R2"]
    assert set(found["other"]) == {"R4"}
    for column in ("cosine", "cosine_median", "cosine_min"):
        np.testing.assert_allclose(found[column], [0.8, 0.8, 0.6], rtol=FIVE_DIGITS)
    assert "seeds" not in set(table_of(fits, space, tmp_path)["between"]), "one seed has no pair"


def test_moments_of_other_training_boxes_do_not_turn_a_direction(tmp_path, space):
    members = {"seed1": covariance_of(turned(3, 20)), "mean": covariance_of(turned(3, 20))}
    fits = {Fit("mini", "N50", "R2"): write_fit(tmp_path / "own", (2.0,), members)}
    # The same combination of features in their own units, standardised twice as wide.
    twice = write_fit(tmp_path / "other", (2.0,), members, scale_of=2.0)
    fits[Fit("large", "N50", "R2")] = twice
    fits[Fit("mini", "N70", "R2")] = write_fit(
        tmp_path / "halos", (2.0,), members | {"mean": covariance_of(turned(3, 26))}
    )
    sets = table_of(fits, space, tmp_path, between="training sets", gradient_of="f", directions=1)
    assert sets["other"].tolist() == ["large"]
    assert sets["degrees"].item() == pytest.approx(0, abs=1e-4)
    halos = table_of(fits, space, tmp_path, between="halos", gradient_of="f", directions=1)
    assert halos["other"].tolist() == ["N70"]
    assert halos["degrees"].item() == pytest.approx(6, rel=FIVE_DIGITS)
    assert halos["degrees_median"].item() == pytest.approx(0, abs=1e-4)
    assert table_of(fits, space, tmp_path)["model"].unique().tolist() == ["R2"]


def test_features_that_the_covariance_lacks_are_named(tmp_path):
    files = write_fit(tmp_path / "fit", (4.0,), {"mean": covariance_of(turned(3, 0))})
    with pytest.raises(InputError, match="delta at R=4 Mpc/h is not among its scales R=2;"):
        Directions.read(*files, projection_at((2.0,)))
