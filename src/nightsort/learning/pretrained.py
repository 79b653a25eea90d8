"""Owns the weights that a training starts from, other than random ones: which, and how they get into a model.

Invariant: nothing is unpickled; where the weights came from is recorded with their hash; a body is taken whole or
not at all.
Does not know how training goes on.
"""

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nightsort.config.training import FitParams
from nightsort.errors import ModelError
from nightsort.learning import bundle as bundles
from nightsort.learning.architecture import Network
from nightsort.learning.bundle import Bundle
from nightsort.learning.classifier import Classifier
from nightsort.learning.networks import naming
from nightsort.learning.registry import Registry
from nightsort.learning.zoo import check_name
from nightsort.storage import Storage
from nightsort.words import Classical

P = TypeVar("P", bound=FitParams)

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for values in 0..1
_SHOWN = 3  # names of each fault that a message holds


@dataclass(frozen=True)
class Initial:
    """Weights to start from.

    :param state: name -> tensor, by our names (body., head., mean, std) or by torchvision's
    :param source: for people: "imagenet resnet18", a file's name, "model 3"
    :param sha256: of the file they came from, hex
    :param classes: of the rows of its head; empty means unknown
    """

    state: dict[str, Tensor]
    source: str
    sha256: str
    classes: list[str] = field(default_factory=list)


def initial_weights(storage: Storage, params: P) -> tuple[P, Initial | None]:
    """The weights that `params.weights` names; None where they are random.

    :returns: the parameters too, in which the network of a champion's embedding has its name
    :raises ModelError: an unknown embedder; no champion, or one that is no network; a file that is none of weights
    """
    is_classical = params.model in get_args(Classical)
    if is_classical and "embedding" in params.features:
        check_name(params.embedder, "embedder")
    if params.weights is None:
        return params, None
    if params.weights == "imagenet":
        return params, imagenet(params.embedder if is_classical else params.model)
    if params.weights != "champion":
        return params, from_file(params.weights)
    champion = bundles.load(storage, Registry(storage).require_champion())
    architecture = champion.card.architecture
    if not isinstance(architecture, Network):
        raise ModelError(
            f"weights: the champion, model {champion.card.version} ({champion.card.model}), is no network that could "
            "be trained further; give imagenet or a file.safetensors, or none"
        )
    if is_classical:
        params = params.model_copy(update={"embedder": architecture.name})
    return params, from_bundle(champion)


def imagenet(name: str) -> Initial:
    """Torchvision's best weights of a network, learned on ImageNet; downloaded once, below TORCH_HOME.

    :raises ModelError: there are none for this network, or they can be neither found nor fetched
    """
    check_name(name)
    from torchvision import models

    if name not in models.list_models(models):
        raise ModelError(
            f"weights: there are none learned on ImageNet for {name!r}; choose a network of torchvision, such as "
            "resnet18, or give a file.safetensors"
        )
    weights = models.get_model_weights(name).DEFAULT
    place = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        sha256 = _sha256(place)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"weights: those of {name} could not be had from {weights.url} ({_first(error)}); put the file at {place}, "
            "or give another as weights: file.safetensors"
        ) from None
    shown = weights.transforms()
    return Initial(_normalised(dict(state), shown.mean, shown.std), f"imagenet {name}", sha256)


def from_file(path: str | Path) -> Initial:
    """Weights from a .safetensors file: a bundle's of ours, or a torchvision network's by torchvision's names.

    The latter are taken to have been trained on pictures normalised as ImageNet's.

    :raises ModelError: it is missing, damaged or of another format
    """
    file = Path(path)
    if file.suffix != ".safetensors":
        raise ModelError(
            f"weights: {file}: only .safetensors is read, because a pickle can run anything; in Python, "
            "safetensors.torch.save_file(torch.load(old, weights_only=True), new) makes one of it"
        )
    try:
        state, sha256 = load_file(file), _sha256(file)
    except OSError as error:
        raise ModelError(f"weights: {file}: cannot be read ({error.strerror or _first(error)})") from None
    except SafetensorError as error:
        raise ModelError(f"weights: {file}: is damaged, or no safetensors file ({_first(error)})") from None
    return Initial(state if naming.is_ours(state) else _normalised(state, _MEAN, _STD), file.name, sha256)


def from_bundle(bundle: Bundle) -> Initial:
    """A published model's weights: a warm start."""
    card = bundle.card
    return Initial(bundle.network.state_dict(), f"model {card.version}", card.weights_sha256, card.classes)


def begin(model: Classifier, initial: Initial, classes: list[str]) -> list[str]:
    """Copy weights into a model: the whole body with its normalisation, and of the head what fits.

    The head's rows are copied by the names of classes; a new class keeps a row of random weights. Where names are
    unknown, a head of the same shape is copied whole.

    :param classes: of the model, by class id
    :return: notes for the report
    :raises ModelError: the body has other parts, or values are not finite
    """
    state = _by_our_names(model, initial.state)
    body = {name.removeprefix("body."): tensor for name, tensor in state.items() if name.startswith("body.")}
    _check(model.body, body, initial.source)
    model.body.load_state_dict(body, strict=False)  # checked; what may lack are counts that nothing reads
    with torch.no_grad():
        for name, buffer in (("mean", model.mean), ("std", model.std)):
            if name in state:
                buffer.copy_(state[name].view_as(buffer))
        head = {name.removeprefix("head."): tensor for name, tensor in state.items() if name.startswith("head.")}
        return [f"weights: body from {initial.source}; {_copy_head(model.head, head, initial.classes, classes)}"]


def _by_our_names(model: Classifier, state: dict[str, Tensor]) -> dict[str, Tensor]:
    if naming.is_ours(state):
        return state
    own = {name: state[name] for name in ("mean", "std") if name in state}
    others = {name: tensor for name, tensor in state.items() if name not in own}
    return naming.ours(others, model.body.state_dict().keys()) | own


def _check(body: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Raise unless every part of the body is there, of its shape and finite, and nothing else."""
    wanted = body.state_dict()
    faults = {
        "missing": [n for n in wanted if n not in state and not n.endswith("num_batches_tracked")],
        "unexpected": [n for n in state if n not in wanted],
        "of another shape": [
            f"{n} {list(state[n].shape)} instead of {list(wanted[n].shape)}"
            for n in wanted
            if n in state and state[n].shape != wanted[n].shape
        ],
        "not finite": [n for n in state if state[n].is_floating_point() and not bool(state[n].isfinite().all())],
    }
    found = [f"{kind}: {_some(names)}" for kind, names in faults.items() if names]
    if found:
        raise ModelError(
            f"weights: {source} does not fit this model; {'; '.join(found)}; give weights of the same network"
        )


def _copy_head(head: nn.Module, state: dict[str, Tensor], known: list[str], classes: list[str]) -> str:
    """Copy what the head learns, not what was added to it afterwards, and say what was copied."""
    learned = dict(head.named_parameters())
    rows = {name: row for row, name in enumerate(known or classes)}
    shapes = {name: (len(rows), *parameter.shape[1:]) for name, parameter in learned.items()}
    if not learned or any(name not in state or state[name].shape != shape for name, shape in shapes.items()):
        return "the head starts anew"
    for row, name in enumerate(classes):
        if name in rows:
            for part, parameter in learned.items():
                parameter[row] = state[part][rows[name]]
    fresh = [name for name in classes if name not in rows]
    return f"head too, but for new classes: {_some(fresh)}" if fresh else "head too"


def _normalised(state: dict[str, Tensor], mean: Sequence[float], std: Sequence[float]) -> dict[str, Tensor]:
    """Torchvision's weights, with the normalisation that they were trained with in values of 0..1."""
    if any(name.startswith(naming.AUXILIARY) for name in state):
        mean = std = (0.5, 0.5, 0.5)  # Inception and GoogLeNet turn ImageNet's into this themselves
    return state | {"mean": 255 * torch.tensor(mean), "std": 255 * torch.tensor(std)}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
