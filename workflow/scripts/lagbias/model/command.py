"""The command ``lagbias``: what a model is, and f of a density, without Python or Snakemake."""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lagbias.base.errors import InputError, RunError, StorageError
from lagbias.base.files import NOT_WRITABLE, written_whole
from lagbias.base.jobs import say_what_it_took
from lagbias.base.registry import Registry
from lagbias.base.stores import append_variable, provenance, set_attributes

EXAMPLES = """examples:
  lagbias info                                   names of the models that come with lagbias
  lagbias info twelve_N50_R2-R4-R8               what a model was trained on, and its accuracy
  lagbias check-box mybox.hdf5                   can a run read this file?
  lagbias apply twelve_N50_R2-R4-R8 delta.npy --box-size 500 -o f.zarr
"""


class Subcommand(NamedTuple):
    """A word after ``lagbias``: its help, its arguments, what it does."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def info_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", nargs="?", help="a file ….safetensors, or the name of a shipped model"
    )


def info(asked: argparse.Namespace) -> None:
    """Print the card of a model, or the names of those that are shipped."""
    from lagbias.model.card import card
    from lagbias.model.file import ModelFile, shipped

    if asked.model:
        sys.stdout.write(card(ModelFile.read(asked.model).about))
    else:
        sys.stdout.write("".join(f"{name}\n" for name in shipped()))


def apply_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", help="a file ….safetensors, or the name of a shipped model")
    add(
        "density",
        help="linear overdensity at the model's redshift, a cube (n, n, n): .npy, .zarr, .nc, or "
        "an AbacusSummit file ic_dens ….asdf, which is scaled to that redshift",
    )
    add("--box-size", type=float, metavar="L", help="side of the box [Mpc/h]")
    add("-o", "--output", required=True, metavar="F.zarr", help="zarr store to write")
    add("--variable", metavar="NAME", help="variable of the density in a .zarr or .nc file")
    add("--seeds", action="store_true", help="write f of every seed, not their mean")
    add("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    add("--device", choices=("cpu", "cuda", "auto"), default="cpu", help="default: cpu")
    add("--scratch", metavar="FOLDER", help="folder for features while this runs, 36 bytes a point")
    add("--overwrite", action="store_true", help="replace an output that is there")


def apply(asked: argparse.Namespace) -> None:
    """Write f of a density."""
    from lagbias.model.densities import read_density
    from lagbias.model.trained import TrainedModel

    output = Path(asked.output)
    if output.suffix != ".zarr":
        raise InputError(f"--output: found {output}, expected a name that ends in .zarr")
    if output.exists() and not asked.overwrite:
        raise InputError(f"--output: {output} is there; choose another name or add --overwrite")
    model = TrainedModel.read(asked.model)
    redshift = model.file.about["trained_on"]["redshift"]
    density, box_size = read_density(asked.density, redshift, asked.box_size, asked.variable)
    held = [density]
    del density  # so that it is freed once it is transformed
    ratio = model.ratio(
        held.pop, box_size, seeds=asked.seeds, threads=asked.threads, device=asked.device,
        scratch=asked.scratch,
    )  # fmt: skip
    dims = ("seed", "x", "y", "z") if asked.seeds else ("x", "y", "z")
    with written_whole(output) as partial:
        append_variable(partial, "ratio", ratio, dims, units="1", long_name="halo-to-mass ratio f")
        set_attributes(
            partial,
            **provenance(model=model.file.about["name"], box_size=box_size, redshift=redshift),
            density=str(asked.density),
            seeds=model.seeds,
            length_units="Mpc/h",
        )
    log.info("%s: mean f %.4f, greatest %.4g", output, ratio.mean(dtype="f8"), ratio.max())
    say_what_it_took()


def check_box_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", help="a file of arrays (HDF5 or zarr), or a snapshot of Gadget or AREPO"
    )


def check_box(asked: argparse.Namespace) -> None:
    """Print what is in a file of a simulation, and the section of a config that names it."""
    from lagbias.simulations.check_box import check_box as checked

    found = checked(asked.file)
    sys.stdout.write("".join(f"{line}\n" for line in found.lines))
    if found.faults:
        sys.stdout.write("".join(f"missing or wrong: {fault}\n" for fault in found.faults))
        raise InputError(f"{asked.file} cannot be used: {len(found.faults)} things are wrong above")
    sys.stdout.write(f"\nIn a config (docs/how-to/own-simulation.md):\n\n{found.config}\n")


log = logging.getLogger("lagbias")
COMMANDS: Registry[Subcommand] = {
    "info": Subcommand("what a model is, or which models are shipped", info_arguments, info),
    "check-box": Subcommand(
        "what is in a file of a simulation, and what is missing", check_box_arguments, check_box
    ),
    "apply": Subcommand("halo-to-mass ratio f of a linear density", apply_arguments, apply),
}


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    whole = argparse.ArgumentParser(
        prog="lagbias",
        usage="lagbias [-h] COMMAND ...",
        description="Trained models of the halo-to-mass ratio f: how much halo mass a patch of the "
        "initial density field gives, compared with the mean.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # As wide as the longest command and its indent, or argparse breaks that one's line.
    wide = f"{'COMMAND':{max(map(len, COMMANDS)) + 2}}"
    words = whole.add_subparsers(dest="command", required=True, metavar=wide, prog="lagbias")
    for name, subcommand in COMMANDS.items():
        part = words.add_parser(name, help=subcommand.help, description=subcommand.help)
        subcommand.add_arguments(part)
    return whole


@contextmanager
def progress_on_terminal() -> Iterator[None]:
    """Write log lines and warnings of a block to the terminal, as they are."""
    terminal, before = logging.StreamHandler(sys.stderr), log.level
    log.addHandler(terminal)
    log.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: log.warning("warning: %s", message)
            yield
    finally:
        log.removeHandler(terminal)
        log.setLevel(before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    asked = parser().parse_args(arguments)
    try:
        with progress_on_terminal():
            COMMANDS[asked.command].run(asked)
    except BrokenPipeError:  # `lagbias info … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (InputError, RunError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        sys.stderr.write(f"error: {StorageError.of(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
