"""Fills the holes in this process's memory, so that forked processes use pages of their own for new objects.

Imports leave small free blocks between others that live on. A forked process would
take those first, and the kernel copies a whole page for each of them. Where the
allocators are not CPython's and the GNU C library's, nothing is filled.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Mapping

# Of the allocator's own report: class, size of a block, pools, blocks in use, free blocks.
_SIZE_CLASS = re.compile(r"^ *\d+ +(\d+) +\d+ +\d+ +(\d+)$", re.MULTILINE)
_BYTES_OBJECT = sys.getsizeof(b"")
_SMALLEST = 24
# Holes are found by asking for each size: every multiple of 16 up to here, and coarser above, where few are.
_MANY_BELOW = 65_536
_COARSE_STEP = 4_096

_kept: list[list[bytes]] = []


class _Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of the C library."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def fill() -> None:
    """Occupy what is free between used blocks, in Python's heap and in C's, while this process lives."""
    for size, free in _free_blocks().items():
        if size > _BYTES_OBJECT:
            _kept.append([bytes(size - _BYTES_OBJECT) for _ in range(free)])
    _fill_c_heap()


def _free_blocks() -> Mapping[int, int]:
    """Returns bytes of a block -> how many are free in the pools that hold others; empty where not known."""
    report = getattr(sys, "_debugmallocstats", None)
    if report is None:
        return {}
    with tempfile.TemporaryFile() as file:
        # It is written to standard error, by C.
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            report()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        file.seek(0)
        text = file.read().decode("ascii", "replace")
    return {int(size): int(free) for size, free in _SIZE_CLASS.findall(text)}


def _fill_c_heap() -> None:
    libc = ctypes.CDLL(None)
    try:
        malloc, free, sbrk, mallinfo = libc.malloc, libc.free, libc.sbrk, libc.mallinfo2
    except AttributeError:
        return
    malloc.restype = sbrk.restype = ctypes.c_void_p
    malloc.argtypes, sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_ssize_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    mallinfo.restype = _Mallinfo
    state = mallinfo()
    # A block from above is cut from the heap's unused end, so that no hole of this size is left.
    end = sbrk(0) - state.keepcost
    largest = max(0, state.fordblks - state.keepcost)
    many = min(largest, _MANY_BELOW)
    for size in (*range(largest, _MANY_BELOW, -_COARSE_STEP), *range(many, _SMALLEST - 1, -16)):
        while (block := malloc(size)) is not None and block < end:
            pass
        free(block)
