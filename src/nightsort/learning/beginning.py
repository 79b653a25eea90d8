"""Owns what the knob `weights` means: which weights a training starts from.

Invariant: the same knob on the same storage gives the same weights until another champion is promoted.
Does not know what is done with them.
"""

from typing import get_args

from nightsort.config.training import FitParams
from nightsort.errors import ModelError
from nightsort.learning import bundle, pretrained
from nightsort.learning.pretrained import Initial
from nightsort.learning.registry import Registry
from nightsort.storage import Storage
from nightsort.words import Classical


def initial_weights(storage: Storage, params: FitParams) -> Initial | None:
    """The weights that `params.weights` names; None where they are random.

    :raises ModelError: if there is no champion, or the file or the network is not what it should be
    """
    if params.weights is None:
        return None
    if params.weights == "imagenet":
        return pretrained.imagenet(params.embedder if params.model in get_args(Classical) else params.model)
    if params.weights != "champion":
        return pretrained.from_file(params.weights)
    champion = Registry(storage).champion()
    if champion is None:
        raise ModelError(f"weights champion: {storage.root} has no champion yet; run 'nightsort train' without weights")
    return pretrained.from_bundle(bundle.load(storage, champion))
