"""What the names of result files say: boxes, seeds, tracers and models."""

from collections.abc import Iterable
from pathlib import Path


def features_by_box(paths: Iterable[str]) -> list[dict[float, str]]:
    """Group feature stores by box, in order: smoothing scale [Mpc/h] to path.

    Parameters
    ----------
    paths : of the form ``results/{sim}/features/R{R}.zarr``
    """
    boxes: dict[Path, dict[float, str]] = {}
    for path in paths:
        boxes.setdefault(Path(path).parent, {})[float(Path(path).stem[1:])] = path
    return list(boxes.values())


def weights_by_seed(paths: Iterable[str]) -> dict[int, str]:
    """Seed to weights file, for paths of the form ``…/seed{s}/weights.pt``."""
    return {int(Path(path).parent.name.removeprefix("seed")): path for path in paths}


def place_of(path: str | Path) -> dict[str, str]:
    """What a path of the form ``…/fits/{set}/{tracer}/{model}/on_{box}/…`` is of."""
    parts = Path(path).parts
    names = ("training_set", "tracer", "model", "box")
    place = dict(zip(names, parts[parts.index("fits") + 1 :], strict=False))
    return place | {"box": place["box"].removeprefix("on_")}


def by_tracer_and_model(paths: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Group paths of the form ``…/fits/{set}/{tracer}/{model}/…``, in the order of the paths."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        _, _, tracer, model, *_ = Path(path).parts[Path(path).parts.index("fits") :]
        groups.setdefault((tracer, model), []).append(path)
    return groups


def model_of(path: str) -> str:
    """The model in a path of the form ``…/fits/{set}/{tracer}/{model}/…``."""
    parts = Path(path).parts
    return parts[parts.index("fits") + 3]


def by_model(paths: Iterable[str]) -> dict[str, list[str]]:
    """Group paths of fits by model, in the order of the paths."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(model_of(path), []).append(path)
    return groups


def of_models(paths: Iterable[str]) -> dict[str, str]:
    """Model to path, for paths of fits of one file a model, in the order of the paths.

    Raises
    ------
    ValueError
        If two paths are of the same model.
    """
    groups = by_model(paths)
    several = [model for model, files in groups.items() if len(files) > 1]
    if several:
        raise ValueError(f"several files of {', '.join(several)}: {groups[several[0]]}")
    return {model: files[0] for model, files in groups.items()}
