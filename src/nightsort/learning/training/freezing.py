"""Owns which part of a network learns: all of it, or the head alone.

Invariant: a frozen body keeps its weights and its running statistics; parameters that never learn stay so.
Does not know for how long.
"""

from nightsort.learning.classifier import Classifier


class Body:
    """The body of a network, to be frozen at times."""

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self._learned = [weight for weight in model.body.parameters() if weight.requires_grad]
        self.is_frozen = False

    def freeze(self, frozen: bool) -> None:
        """Let the head alone learn, or all of the network."""
        self.is_frozen = frozen
        for weight in self._learned:
            weight.requires_grad_(not frozen)

    def train(self) -> None:
        """Training mode; of a frozen body evaluation mode, or batch normalisation would go on learning."""
        self._model.train()
        if self.is_frozen:
            self._model.body.eval()
