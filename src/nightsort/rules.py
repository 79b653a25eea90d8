"""Owns the grammar of rules of quality, such as `sharpness < 20: flag`.

Invariant: a rule that parses can be applied to every picture. Does not know how a measure is taken.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator

Measure = Literal["width", "height", "aspect", "sharpness", "brightness", "contrast", "entropy"]
Action = Literal["flag", "quarantine"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORM = re.compile(r"\s*(\w+)\s*([<>]=?)\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*:\s*(\w+)\s*")


@dataclass(frozen=True)
class Rule:
    """When a picture is to be looked at or left out."""

    measure: Measure
    comparison: str  # one of < <= > >=
    limit: float  # in the measure's own unit
    action: Action

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `measure comparison number: action`.

        :raises ValueError: says what is allowed
        """
        match = _FORM.fullmatch(text)
        if not match:
            raise ValueError(
                f"must read 'measure comparison number: action', such as 'sharpness < 20: flag', with one of the "
                f"comparisons {' '.join(_COMPARISONS)}; got {text!r}"
            )
        measure, comparison, limit, action = match.groups()
        for name, allowed in ((measure, get_args(Measure)), (action, get_args(Action))):
            if name not in allowed:
                raise ValueError(f"{name!r} in {text!r} must be one of {', '.join(allowed)}")
        return cls(measure, comparison, float(limit), action)  # type: ignore[arg-type]  # checked just above

    def broken(self, measures: Mapping[str, float]) -> bool:
        """Whether a picture of these measures breaks the rule, that is, whether the action is due."""
        return _COMPARISONS[self.comparison](measures[self.measure], self.limit)

    def __str__(self) -> str:
        """The rule as `parse` reads it, which is also the flag that a picture gets."""
        return f"{self.measure} {self.comparison} {self.limit:.15g}: {self.action}"


def _checked(text: str) -> str:
    Rule.parse(text)
    return text


RuleText = Annotated[str, AfterValidator(_checked)]
"""A rule as a user writes it, checked."""
