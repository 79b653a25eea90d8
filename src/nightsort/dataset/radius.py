"""Owns the radius of a dataset's near-duplicates: in how many bits two hashes may differ.

Plates of one line, mugs on white and the view of one camera have hashes nearer than two photographs of one thing
elsewhere. What ties most of them into one cluster, and so into one split, is no search for near-duplicates.

Invariant: a new dataset has no cluster that overgrew for looks alone, unless somebody asked for its radius. Does not
know hashes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nightsort.dataset.policy import Policy

if TYPE_CHECKING:
    from nightsort.dataset.admission import Admission

_PICTURES, _SHARE = 50, 0.1  # of 1,344 photographs of magnetic tiles, some taken a dozen times, 15 are one cluster
_SMALLER = (8, 6, 4, 2, 0)  # a hash has as many ones as zeros, so two differ in an even number of bits


def overgrown(largest: int, admitted: int) -> bool:
    """Whether the largest of some clusters is larger than near-duplicates of one thing make it.

    :param largest: its pictures
    :param admitted: pictures among which they were looked for
    """
    return largest >= _PICTURES and largest >= _SHARE * admitted


def narrowed(policy: Policy, admit: Callable[[Policy], "Admission"]) -> "Admission":
    """What is admitted under the policy with the largest radius that leaves no cluster overgrown.

    Where one is left even among equal hashes, they are of one thing, such as a long burst, and the policy stays.

    :param policy: of a dataset that has no picture yet
    :param admit: decides about the first pictures
    """
    wide = admit(policy)
    if not overgrown(wide.largest_cluster, len(wide.examples)):
        return wide
    for radius in (fewer for fewer in _SMALLER if fewer < policy.near_duplicates):
        narrower = admit(policy.model_copy(update={"near_duplicates": radius}))
        if not overgrown(narrower.largest_cluster, len(narrower.examples)):
            return replace(narrower, narrowed=True)
    return wide
