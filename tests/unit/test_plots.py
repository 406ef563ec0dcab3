"""What all figures share."""

from lagbias.plots import COLOURS, LINES, line_of


def test_no_two_of_many_curves_look_the_same():
    """A set of nine scale sets and linear bias is ten curves, more than there are colours."""
    count = len(COLOURS) * len(LINES)
    assert count > 50
    assert len({tuple(line_of(index).values()) for index in range(count)}) == count
