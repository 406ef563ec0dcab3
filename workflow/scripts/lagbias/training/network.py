"""The network: log10 f = NN(inputs), and its weights on disk."""

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from lagbias.base.errors import InputError
from lagbias.base.files import written_whole
from lagbias.base.seeds import seed_of

# ASSUME: the published description (3 x 20) does not name its activation; SiLU is smooth, as the
# gradients need, and half the cost of GELU. The authors' code (5 x 64) uses GELU.
ACTIVATIONS = {"silu": nn.SiLU, "gelu": nn.GELU}
OUTPUTS = ("exponential", "sigmoid")
FORMS = ("network", "gaussian")
# Rows evaluated at once: the activations of one pass stay in a core's cache (2.4 times faster than
# 131072 rows on a 2-core machine), on a GPU they fill it.
ROWS_PER_PASS = {"cpu": 16_384, "cuda": 4_194_304}


def generator_of(seed: int, purpose: str) -> torch.Generator:
    """A torch generator for one purpose; the global state is not touched."""
    return torch.Generator().manual_seed(seed_of(seed, purpose))


def passes(rows: int, device: torch.device) -> Iterator[slice]:
    """The slices of some rows that a device evaluates at once."""
    for start in range(0, rows, ROWS_PER_PASS[device.type]):
        yield slice(start, min(start + ROWS_PER_PASS[device.type], rows))


@dataclass(frozen=True)
class Architecture:
    """Layers of the network.

    Parameters
    ----------
    inputs : int
    hidden_layers : int
    neurons : int
        Per hidden layer.
    activation : str
        ``silu`` or ``gelu``.
    output : str
        How f follows from NN(inputs), to a factor: ``exponential``, 10^NN, or ``sigmoid``, the
        probability 1 / (1 + exp(-NN)).
    form : str
        ``network``, or ``gaussian``: in place of the layers, a polynomial of second order, which
        makes f a Gaussian of the inputs (arXiv:2405.01951).
    squared : tuple of int
        Inputs that the polynomial has squares and products of: those linear in the density. G2 is
        itself a sum of squares of the tidal tensor.

    Raises
    ------
    InputError
        If a number is not positive, the activation, the output or the form unknown, or what is
        squared no input.
    """

    inputs: int
    hidden_layers: int = 3
    neurons: int = 20
    activation: str = "silu"
    output: str = "exponential"
    form: str = "network"
    squared: tuple[int, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "squared", tuple(self.squared))  # JSON has lists
        if min(self.inputs, self.hidden_layers, self.neurons) < 1:
            raise InputError(
                f"network {asdict(self)}: expected at least 1 of each number; raise those that are "
                "less (training.hidden_layers, training.neurons)"
            )
        if self.activation not in ACTIVATIONS:
            raise InputError(
                f"activation {self.activation!r}: expected one of {sorted(ACTIVATIONS)}; "
                "write one of them in training.activation"
            )
        if self.output not in OUTPUTS:
            raise InputError(f"output {self.output!r}: expected one of {OUTPUTS}; give one of them")
        if self.form not in FORMS:
            raise InputError(
                f"form {self.form!r}: expected one of {FORMS}; write one of them in training.form"
            )
        if bool(self.squared) != (self.form == "gaussian") or not all(
            0 <= number < self.inputs for number in self.squared
        ):
            raise InputError(
                f"squared {self.squared}: expected some of {self.inputs} inputs, from 0, of a "
                "gaussian, and none of a network; give their numbers, or none"
            )

    @property
    def values_of_row(self) -> int:
        """Numbers that one row leaves in the network: every layer's sums and what they become."""
        if self.form == "gaussian":
            return 2 * self.terms
        return 2 * self.hidden_layers * self.neurons

    @property
    def terms(self) -> int:
        """Terms of the polynomial of a Gaussian."""
        return self.inputs + len(self.squared) * (len(self.squared) + 1) // 2


class SecondOrder(nn.Module):
    """All inputs (inputs, rows), then the products of any two of some: (terms, rows)."""

    first: torch.Tensor
    second: torch.Tensor

    def __init__(self, squared: Sequence[int]):
        super().__init__()
        pairs = list(combinations_with_replacement(squared, 2))
        for name, number in zip(("first", "second"), zip(*pairs, strict=True), strict=True):
            self.register_buffer(name, torch.tensor(number), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The terms, where the values of an input lie together."""
        return torch.cat([inputs, inputs[self.first] * inputs[self.second]])


class HaloToMassRatio(nn.Module):
    """The halo-to-mass ratio f of Lagrangian patches, positive by construction.

    log10 f = NN(inputs) - log10_normalisation, or log10 sigmoid(NN(inputs)) - log10_normalisation,
    where the normalisation makes <f> = 1 over all particles of the training set. The second is a
    probability over its mean, which cannot pass one over that mean.

    Parameters
    ----------
    architecture : Architecture
    generator : torch.Generator
        Draws the first weights; the global random state is not touched.
    """

    log10_normalisation: torch.Tensor

    def __init__(self, architecture: Architecture, generator: torch.Generator | None = None):
        super().__init__()
        self.architecture = architecture
        if architecture.form == "gaussian":
            terms = SecondOrder(architecture.squared)
            last = nn.utils.skip_init(nn.Linear, architecture.terms, 1)
            self.layers = nn.Sequential(terms, last)
        else:
            self.layers = self._layers()
        self.register_buffer("log10_normalisation", torch.zeros((), dtype=torch.float64))
        if generator is not None:
            self._initialise(generator)

    def _layers(self) -> nn.Sequential:
        architecture = self.architecture
        widths = [architecture.inputs] + [architecture.neurons] * architecture.hidden_layers
        layers = []
        with torch.random.fork_rng(devices=[]):  # torch draws first weights globally
            for fan_in, fan_out in zip(widths, widths[1:], strict=False):
                layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[architecture.activation]()]
            return nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.log10_normalisation.device

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        """Uniform in +-1/sqrt(fan_in), as torch's own default, but from our generator.

        A Gaussian begins with f = 1: it has no symmetry to break.
        """
        if self.architecture.form == "gaussian":
            last: Any = self.layers[-1]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            return
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)

    def last_layer(self, inputs: torch.Tensor) -> torch.Tensor:
        """NN(inputs), float32 (n,), for inputs (n, inputs): of a sigmoid output, the logit.

        The values of a neuron lie together in memory: layers are narrow, and a training takes an
        eighth more time with those of a row together.
        """
        values = inputs.T
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                values = torch.addmm(layer.bias[:, None], layer.weight, values)
            else:
                values = layer(values)
        return values[0]

    def log10_ratio(self, inputs: torch.Tensor) -> torch.Tensor:
        """log10 f, float32 (n,), for inputs (n, inputs)."""
        log10_ratio = self.last_layer(inputs)
        if self.architecture.output == "sigmoid":
            log10_ratio = functional.logsigmoid(log10_ratio) / math.log(10)
        return log10_ratio - self.log10_normalisation.to(inputs.dtype)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """f, float32 (n,), for inputs (n, inputs)."""
        return torch.exp(math.log(10) * self.log10_ratio(inputs))

    def save(self, path: str | Path, **metadata) -> None:
        """Write weights and architecture: plain tensors and one JSON string, no code."""
        content = {
            "state": self.state_dict(),
            "metadata": json.dumps(metadata | {"architecture": asdict(self.architecture)}),
        }
        buffer = io.BytesIO()  # a full disk is an OSError of Python's own writing, not of torch's
        torch.save(content, buffer)
        with written_whole(path) as partial:
            partial.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> "HaloToMassRatio":
        """Read weights (tensors only: nothing in the file is executed).

        Raises
        ------
        InputError
            If the file is not a whole weights file.
        """
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
            architecture = Architecture(**json.loads(content["metadata"])["architecture"])
            network = cls(architecture)
            network.load_state_dict(content["state"])
        except Exception as error:
            raise InputError(
                f"{path} is not a weights file of this project ({error}); delete it and train again"
            ) from error
        return network.eval()
