"""What AbacusSummit has: kinds of boxes by their names, and the redshifts with particles."""

import re

import pytest
from abacusnbody.metadata import abacussummit, get_meta
from lagbias.base.errors import InputError
from lagbias.simulations.abacus.summit import (
    KINDS,
    PHASES,
    check_published,
    check_sign_of_density,
    files_per_product,
    published_kind,
)


@pytest.mark.parametrize(
    ("name", "kind", "files"),
    [
        ("AbacusSummit_small_c000_ph3100", "small", 1),
        ("AbacusSummit_highbase_c000_ph100", "highbase", 16),
        ("AbacusSummit_base_c000_ph000", "base", 34),
        ("AbacusSummit_high_c000_ph100", "high", 34),
        ("AbacusSummit_fixedbase_c001_ph099", "fixedbase", 18),
        ("AbacusSummit_hugebase_c000_ph024", "hugebase", 9),
        ("AbacusSummit_huge_c000_ph201", "huge", 34),
    ],
)
def test_kind_of_a_box_goes_by_its_name(name, kind, files):
    assert published_kind(name) == kind
    assert files_per_product(name) == files


@pytest.mark.parametrize(
    "name",
    [
        "mini_ph000", "AbacusSummit_tiny_c000_ph201", "xAbacusSummit_base_", "AbacusSummit_base_",
        "AbacusSummit_base_c00_ph000", "AbacusSummit_base_c000_ph000_old",
    ],
)  # fmt: skip
def test_box_that_the_public_tree_lacks_is_refused(name):
    with pytest.raises(InputError, match=f"simulation {name}: expected AbacusSummit_.*fixedbase"):
        files_per_product(name)


def test_particles_of_a_kind_weigh_what_its_resolution_says():
    # base, small, highbase and fixedbase have one mass resolution; high 6 times, huge 1/27 of it.
    density = {name: (box.particles_per_side / box.box_size) ** 3 for name, box in KINDS.items()}
    for name in ("small", "highbase", "fixedbase"):
        assert density[name] == pytest.approx(density["base"], rel=2e-3)
    assert density["high"] == pytest.approx(6 * density["base"], rel=0.02)
    for name in ("huge", "hugebase"):
        assert density[name] == pytest.approx(density["base"] / 27, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "redshift"),
    [("small", 0.3), ("small", 1.1), ("base", 0.5), ("base", 2.5), ("highbase", 3), ("huge", 0.2)],
)
def test_redshifts_with_particles_are_taken(kind, redshift):
    phase = {"small": "3100", "base": "000", "highbase": "100", "huge": "201"}[kind]
    check_published(f"AbacusSummit_{kind}_c000_ph{phase}", redshift, 576)


def test_every_large_box_of_the_metadata_of_abacusutils_is_known_and_no_other():
    get_meta("AbacusSummit_base_c000_ph000")
    published = {name for name in abacussummit.metadata if "AbacusSummit" in name}
    published -= {"AbacusSummit_small_c000_ph3000"}
    listed = {
        f"AbacusSummit_{kind}_c{cosmology:03d}_ph{phase:03d}"
        for kind, cosmologies in PHASES.items() if kind != "small"
        for cosmology, phases in cosmologies.items() for phase in phases
    }  # fmt: skip
    assert listed == published


@pytest.mark.parametrize(
    ("name", "redshift", "message"),
    [
        ("small_c000_ph2999", 0.5, "no ph2999 of these; .* have ph3000-ph4999 .*write ph3000, the"),
        ("small_c000_ph3008", 0.5, "no ph3008 .*(some of these are missing); write ph3007, the"),
        ("small_c001_ph3000", 0.5, "found cosmology c001, but .*small boxes of c000; write c000"),
        ("base_c000_ph025", 0.5, "base boxes of c000 have ph000-ph024; write ph024, the nearest"),
        ("base_c011_ph000", 0.5, "c000-c004, c009-c010, c012-c020, c100-c126, c130-c181; write c0"),
        ("small_c000_ph3006", 0.2, "ph3006 has all five .*at z = 0.3, 0.4, .*`redshift: 0.3`"),
        ("small_c000_ph3010", 0.5, "ph3010 has all five products at z = 1.1, 1.4: write .*1.1`"),
        ("base_c103_ph000", 0.8, "c103_ph000 has all five products at z = 0.2, 0.5: write .*0.5`"),
    ],
)
def test_boxes_that_are_not_there_are_refused_before_anything_is_fetched(name, redshift, message):
    with pytest.raises(InputError, match=message.replace("(some", r"\(some").replace("g)", r"g\)")):
        check_published(f"AbacusSummit_{name}", redshift, 576)


@pytest.mark.parametrize(
    ("kind", "redshift", "message"),
    [
        (
            "small",
            0.575,
            "at redshift 0.575 AbacusSummit has halos, but not the particles .*: 0.5`",
        ),
        ("small", 1.7, "at redshift 1.7 AbacusSummit has halos, but not the .*`redshift: 1.4`"),
        ("small", 0.5767, "redshift 0.5767 is none of AbacusSummit's; .*`redshift: 0.5`"),
        ("small", 8.0, "halos, but not .*z = 0.2, 0.3, 0.4, 0.5, 0.8, 1.1, 1.4: write .*: 1.4`"),
        ("base", 0.3, "at redshift 0.3 are on tape only .*`source: local`.*write `redshift: 0.2`"),
        ("hugebase", 1.625, "halos, but not the particles needed here; .*`redshift: 1.7`"),
    ],
)
def test_redshift_without_particles_is_refused_with_the_nearest_that_has(kind, redshift, message):
    with pytest.raises(InputError, match=message):
        check_published(f"AbacusSummit_{kind}_c000_ph{PHASES[kind][0][0]:03d}", redshift, 576)


def test_density_that_no_small_or_base_box_has_is_refused():
    check_published("AbacusSummit_base_c000_ph000", 0.5, 1152)
    with pytest.raises(InputError, match=re.escape("small boxes have 576 points a side")):
        check_published("AbacusSummit_small_c000_ph3100", 0.5, 1152)
    with pytest.raises(InputError, match="have 576 or 1152 points a side"):
        check_published("AbacusSummit_base_c000_ph000", 0.5, 2304)


def test_box_with_a_density_of_the_wrong_sign_is_refused():
    check_sign_of_density("AbacusSummit_fixedbase_c000_ph099")
    with pytest.raises(InputError, match="wrong sign.*use ph099"):
        check_sign_of_density("AbacusSummit_fixedbase_c000_ph098")
