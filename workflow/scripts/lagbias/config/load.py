"""From what Snakemake hands over to a config that is checked."""

from collections.abc import Iterable
from pathlib import Path

from lagbias.config.checks import check_config, check_schema
from lagbias.config.local_boxes import check_local_boxes, expand_roots
from lagbias.config.model import with_defaults
from lagbias.config.numbers import read_scalars
from lagbias.config.text import check_text
from lagbias.config.yardsticks import add_own


def checked(config: dict, schema: Path, files: Iterable[str], look: bool) -> dict:
    """A config with its defaults, numbers as numbers and roots expanded, if nothing is wrong.

    Parameters
    ----------
    config : dict
        As Snakemake made it of its files and of the command line.
    schema : path of the JSON schema
    files : paths of the config files, those that exist are read as text
    look : bool
        Whether to look at the text of these files and at the files of local boxes; a job needs it
        no more.

    Raises
    ------
    InputError
        Naming the first field that is wrong, what was found and what was expected.
    """
    for file in filter(lambda name: look and Path(name).is_file(), files):
        check_text(file)
    config = read_scalars(config, schema)
    check_schema(config, schema)
    config = with_defaults(config)
    add_own(config["own_yardsticks"])
    check_config(config)
    expand_roots(config["simulations"])
    if look:
        check_local_boxes(config)
    return config
