"""Owns conservation: the count of what became of every discovered picture.

Invariant: discovered = done + quarantined + duplicate + deferred + skipped, or `check` raises.
Knows counts only; which picture went where is the tables' business.
"""

from pydantic import BaseModel, ConfigDict, computed_field

from nightsort.errors import CeilingError, UnbalancedError


class Tally(BaseModel):
    """Where the discovered pictures of one run went.

    discovered: files and archive members listed.
    done: ingested or classified, with a row in the dataset or the ledger.
    quarantined: set aside with a reason.
    duplicate: same bytes as another picture that has an outcome.
    deferred: still being written, or changed while being read; taken next time.
    skipped: this very file already has an outcome, its name is on the ignore list, or it is no regular file.
    """

    model_config = ConfigDict(frozen=True)

    discovered: int = 0
    done: int = 0
    quarantined: int = 0
    duplicate: int = 0
    deferred: int = 0
    skipped: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def balanced(self) -> bool:
        """Whether every discovered picture has exactly one outcome."""
        return self.discovered == self.done + self.quarantined + self.duplicate + self.deferred + self.skipped

    def check(self) -> None:
        """Raise :class:`UnbalancedError` unless balanced."""
        if not self.balanced:
            raise UnbalancedError(
                f"the run does not balance: discovered {self.discovered} is not done {self.done} + quarantined "
                f"{self.quarantined} + duplicate {self.duplicate} + deferred {self.deferred} + skipped "
                f"{self.skipped}; report this as a bug"
            )

    def check_ceiling(self, share: float, at_least: int, looked_at: int) -> None:
        """Raise :class:`CeilingError` if too large a share of the pictures looked at was quarantined.

        :param share: allowed share, 0 to 1
        :param at_least: fewer quarantined pictures than this never raise
        :param looked_at: pictures that are not skipped, duplicate or deferred from the start
        """
        if self.quarantined >= max(at_least, 1) and self.quarantined > share * looked_at:
            raise CeilingError(
                f"{self.quarantined} of {looked_at} pictures are quarantined, more than the allowed share "
                f"max_quarantined={share:g}; 'nightsort report' says where they are listed"
            )
