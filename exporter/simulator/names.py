"""Campaign names as people give them, in two languages; never a phone number."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeVar

Thing = TypeVar("Thing")

BASES: Final = (
    "autumn-collections",
    "满意度回访",
    "welcome-call",
    "续费提醒",
    "insurance-renewal",
    "逾期催收-M1",
    "logistics-notice",
    "会员日邀约",
    "payment-reminder",
    "新客激活",
    "survey-NPS",
    "预约确认",
    "spring-promotion",
    "流失挽回",
    "delivery-confirmation",
    "体检通知",
    "course-trial-invite",
    "家电维修回访",
    "loan-due-notice",
    "车险到期提醒",
)


class Draw(random.Random):
    """Draws whole numbers three times as fast as its parent: populations are large."""

    def between(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, things: Sequence[Thing]) -> Thing:
        """Return one of some things."""
        return things[int(self.random() * len(things))]


class Names:
    """Gives each name once: a base and a running number."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._used: Counter[str] = Counter()

    def next(self) -> str:
        """Return a new name, such as ``autumn-collections-03``; at most 50 characters."""
        base = self._draw.pick(BASES)
        self._used[base] += 1
        return f"{base}-{self._used[base]:02d}"
