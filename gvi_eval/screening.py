"""A text file looked through a block at a time, so that what it holds is known before any of it is read as a table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 20  # bytes
ZEROS = bytes.maketrans(b"123456789", b"0" * 9)  # one look for six zeros is ten times as fast as one for six digits
# Wherever an identity number can stand, in any encoding that writes digits as ASCII does, and in many other places.
DIGITS = re.compile(rb"[0-9]{6}[^0-9]{0,3}[0-9]{4}|[0-9]{9}")
LONE_RETURN = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class Glance:
    """What was seen of a file: its first block of whole lines, and what holds of all of it."""

    head: bytes
    is_plain: bool  # UTF-8 without a NUL
    has_lone_return: bool
    has_digits: bool  # as many in a row as an identity number has; False is certain, True is a reason to look


def glance(path: Path) -> Glance:
    """The file at a glance, in the memory of a block; what is not plain is not looked at further."""
    head, lone, digits = b"", False, False
    for block in blocks(path):
        head = head or block
        if not _is_text(block):
            return Glance(head, False, lone, True)
        lone = lone or (b"\r" in block and LONE_RETURN.search(block) is not None)
        digits = digits or (b"000000" in block.translate(ZEROS) and DIGITS.search(block) is not None)
    return Glance(head, True, lone, digits)


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces of about a megabyte that end where a line does."""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block + (b"" if block.endswith(b"\n") else stream.readline())


def _is_text(block: bytes) -> bool:
    if 0 in block:
        return False
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
