"""What repeats from task to task is read once: tasks are made from a few templates."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

T = TypeVar("T")

_VALUES_KEPT: Final = 256

Noted = tuple[T, tuple[str, ...]]
"""A value, and the names of the fields of it that could not be read."""


def kept(read: Callable[..., Noted[T]]) -> Callable[..., Noted[T]]:
    """Remember what ``read`` made of the same values, the latest few hundred of them.

    Arguments of different types are different. Those that cannot be a key, such as a list where a
    number should be, are read each time.
    """
    remembered = lru_cache(_VALUES_KEPT, typed=True)(read)

    def remembering(*values: Any) -> Noted[T]:
        try:
            return remembered(*values)
        except TypeError:
            return read(*values)

    return remembering
