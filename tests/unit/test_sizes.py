"""How large a box is, before any job has run."""

import pytest
from lagbias.sizes import BoxSizes


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("AbacusSummit_small_c000_ph3100", (500.0, 154_793_411, 1)),
        ("AbacusSummit_highbase_c000_ph100", (1000.0, 1_238_347_284, 16)),
        ("AbacusSummit_base_c000_ph000", (2000.0, 9_906_778_276, 34)),
        ("Unheard", (500.0, 154_793_411, 1)),
    ],
)
def test_sizes_of_a_box_follow_from_its_name(name, sizes):
    found = BoxSizes.of_name(name)
    assert (found.box_size, found.particles, found.files) == sizes
