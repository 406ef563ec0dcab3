"""Rows of particles to train on: in memory, on the device as far as they fit, or on disk.

A base box of AbacusSummit has 1.7e9 rows. Their network inputs take 50 GB, everything else of a
training 24 GB. So a job that is given less memory than all of it takes writes the inputs to a file
and reads those of each batch from there. The numbers are the same, and so are the weights.
"""

import hashlib
import logging
import mmap
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch

from lagbias.base.errors import StorageError

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 4_000_000  # particles sorted or summed at a time: bounds memory
BYTES_PER_ROW = 12  # that training holds beside its boxes: f, and a float64 sum over it
DEVICE_SHARE = 0.8  # of a device's free memory, for what is resident; the rest is for a step
# Inputs of a box are made and written in so many parts: memory for one of them, and every feature
# grid is read so often.
PARTS_ON_DISK = 8
BYTES_KEPT = 2**28  # of a mapped file, before its pages are given back


def room_for(size: int, device: torch.device) -> bool:
    """Whether a device can hold so many bytes; main memory is what the job asked for."""
    return device.type == "cpu" or size <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]


class InputsOnDisk:
    """Network inputs of rows in a file without a name, which ends with the job however that ends.

    Parameters
    ----------
    folder : path
        Of the file; its disk must hold 4 bytes an input of every row.
    inputs : int
        Of a row.
    """

    def __init__(self, folder: str | Path, inputs: int):
        self.folder, self.inputs, self._touched = folder, inputs, 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def write(self, evaluate: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> None:
        """Append the inputs at some Lagrangian points, given what evaluates a part of them.

        Raises
        ------
        StorageError
            If the disk is full.
        """
        try:
            for part in np.array_split(points, PARTS_ON_DISK):
                if len(part):
                    values = np.ascontiguousarray(evaluate(part), dtype=np.float32)
                    self._file.write(values.view(np.uint8).data)
            self._file.flush()
        except OSError as error:
            raise StorageError.of(error, f"network inputs in {self.folder}") from error

    def tensor(self) -> torch.Tensor:
        """All that was written, float32 (rows, inputs); what is read of it is read from disk."""
        size = self._file.tell()
        log.info("%.1f GB of network inputs are read from %s", size / 1e9, self.folder)
        self._mapped = mmap.mmap(self._file.fileno(), size)
        values = torch.frombuffer(self._mapped, dtype=torch.float32)
        return values.view(-1, self.inputs)

    def touched(self, size: int) -> None:
        """Note that so many bytes in a row are being read; some of them may stay in memory."""
        self._touched += size
        if self._touched > BYTES_KEPT:
            self.release()
            self._touched = size

    def release(self) -> None:
        """Give back the memory of what was read: its pages, and those about it."""
        self._mapped.madvise(mmap.MADV_DONTNEED)
        self._touched = 0


class Rows(torch.nn.Module):
    """Rows of particles to train on, resident on a device as far as they fit.

    Attributes
    ----------
    inputs : float32, (rows, inputs)
    multiplicity : (rows,)
        Particles of the row.
    on_disk : InputsOnDisk, or None
        Where ``inputs`` are, if not in memory.
    """

    inputs: torch.Tensor
    multiplicity: torch.Tensor
    on_disk: InputsOnDisk | None = None

    def inputs_of(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """Network inputs of some rows, on the device of everything else, (rows, inputs)."""
        if isinstance(rows, torch.Tensor):
            found = self.inputs.index_select(0, rows.to(self.inputs.device))
            if self.on_disk is not None:
                self.on_disk.release()  # a page of each row, and a dozen more about it
        else:
            found = self.inputs[rows]
            if self.on_disk is not None:
                self.on_disk.touched(found.nbytes)
        return found.to(self.multiplicity.device)

    def move_to(self, device: torch.device) -> None:
        """Move to a device; inputs that it cannot hold stay, and are gathered batch by batch."""
        resident = sum(buffer.nbytes for buffer in self.buffers())
        fits = room_for(resident + BYTES_PER_ROW * len(self.multiplicity), device)
        if fits and self.on_disk is None:
            self.to(device)
            return
        inputs = self.inputs
        self.inputs = None  # pyright: ignore[reportAttributeAccessIssue]
        self.to(device)
        self.inputs = inputs
        if device.type != "cpu":
            log.info("%.1f GB of network inputs are gathered by the host", inputs.nbytes / 1e9)


def digest_of(module: torch.nn.Module, more: str = "") -> str:
    """A digest of all tensors of a module, and of some more text."""
    digest = hashlib.blake2b(more.encode(), digest_size=16)
    on_disk = cast(InputsOnDisk | None, getattr(module, "on_disk", None))
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        for part in tensor.split(ROWS_AT_ONCE) if tensor.ndim else [tensor]:
            if on_disk is not None:
                on_disk.touched(part.nbytes)
            digest.update(np.ascontiguousarray(part.cpu().numpy()).view(np.uint8).data)
    return digest.hexdigest()
