"""GNU cksum, the sums of AbacusSummit's ``checksums.crc32``, with the standard library alone."""

import zlib
from pathlib import Path

CHECKSUM_LIST = "checksums.crc32"
BIT_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(path: Path) -> tuple[int, int]:
    """CRC and size of a file as GNU ``cksum`` prints them.

    POSIX's CRC-32 is zlib's with the bits of every byte, and of the result, in reverse order,
    another starting value, and the file's length appended (IEEE Std 1003.1, ``cksum``).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    (int, int)
        CRC and number of bytes.
    """
    crc, size = 0xFFFFFFFF, 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 22):
            crc = zlib.crc32(chunk.translate(BIT_REVERSED), crc)
            size += len(chunk)
    length = size.to_bytes((size.bit_length() + 7) // 8, "little")
    crc = zlib.crc32(length.translate(BIT_REVERSED), crc)
    return int(f"{crc:032b}"[::-1], 2), size


def listed_cksum(path: Path) -> tuple[int, int] | None:
    """CRC and bytes that the list in a file's folder gives for it; None without list or entry."""
    entries = path.parent / CHECKSUM_LIST
    if not entries.exists():
        return None
    lines = (line.split() for line in entries.read_text(encoding="utf-8").splitlines())
    return next(
        (
            (int(fields[0]), int(fields[1]))
            for fields in lines
            if len(fields) == 3 and Path(fields[2]).name == path.name
        ),
        None,
    )
