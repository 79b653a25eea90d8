"""Owns telling a lack of memory from other faults.

Invariant: what is not surely a lack of memory is not taken for one. Does not know what needed it.
"""

import torch


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether the GPU, or the processor's allocator, had not as much memory as was asked for."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
