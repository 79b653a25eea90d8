"""Owns what each word means that a knob may say, in a sentence.

Invariant: it explains every word that a knob takes, and no other. Does not know which knob takes a word.
"""

from typing import Any, get_args

from nightsort.config.catalogue import PARAMS
from nightsort.config.compute import ClusterKind
from nightsort.config.serving import PoolType
from nightsort.config.training import TrainParams
from nightsort.words import (
    Augment,
    Backend,
    Balance,
    Colour,
    Combine,
    Crop,
    Feature,
    Flip,
    Flow,
    Keep,
    Loading,
    Occasion,
    Operation,
    Optimizer,
    Precision,
    Trigger,
    Tunable,
)


def meanings(words: Any) -> dict[str, str]:
    """What each word of a `Literal` means.

    :raises KeyError: if a word is not explained
    """
    known = _MEANINGS[words]
    return {word: known[word] for word in get_args(words)}


_MEANINGS: dict[Any, dict[str, str]] = {
    Flow: {name: (model.__doc__ or "").partition(": ")[2].split("\n")[0] for name, model in PARAMS.items()},
    Balance: {
        "none": "each picture counts alike, so that common classes decide",
        "class_weights": "the loss of a class counts by its inverse frequency (King and Zeng 2001)",
        "effective_number": "the same by its effective number of pictures, milder (Cui et al. 2019)",
        "oversampling": "rare pictures are drawn more often, until each class is drawn alike",
        "undersampling": "common classes are drawn less often, down to the rarest",
        "square_root_sampling": "classes are drawn by the square root of their size, half-way to alike",
        "deferred_sampling": "classes as they are for most epochs, drawn alike in the last fifth (Cao et al. 2019)",
        "focal": "what is already right counts for less (Lin et al. 2017)",
        "balanced_softmax": "the loss takes the classes' frequencies out of the answers (Ren et al. 2020)",
        "logit_adjustment": "they are taken out after training (Menon et al. 2021)",
        "ldam_drw": "rare classes get a wider margin, and more weight in the last fifth (Cao et al. 2019)",
        "smote": "the head is trained once more with embeddings between neighbours of a class (Chawla et al. 2002)",
        "borderline_smote": "the same, only where a class is in danger of being mistaken (Han et al. 2005)",
        "adasyn": "the same, more where a class is hard to tell apart (He et al. 2008)",
        "pixel_smote": "rare classes are filled up with blends of two of their pictures",
    },
    Augment: {
        "none": "pictures as they are",
        "gentle": "moved, turned and coloured a little: small defects survive it",
        "trivial": "one strong change a picture (TrivialAugment, Müller and Hutter 2021)",
        "rand": "two strong changes a picture (RandAugment, Cubuk et al. 2020)",
        "auto": "a policy learned on CIFAR-10, for small pictures, or ImageNet (AutoAugment, Cubuk et al. 2019)",
    },
    Flip: {
        "none": "not mirrored: for digits, letters, whatever has a left and a right",
        "horizontal": "left and right: for what stands on the ground",
        "both": "upside down, too: for what is seen from above",
    },
    Operation: {
        "rotate": "turned by up to 20 degrees",
        "scale": "larger or smaller by a quarter at most",
        "crop": "a part of it, 70 to 95 % of its sides",
        "flip": "mirrored left to right",
        "jitter": "brightness, contrast and saturation changed",
        "noise": "grainy",
        "erase": "a rectangle hidden",
        "blur": "out of focus",
    },
    Colour: {"rgb": "colours are kept", "grey": "one channel: smaller, where colour says nothing"},
    Crop: {
        "none": "the whole picture",
        "foreground": "to one object on a plain ground",
        "saliency": "to what stands out of a cluttered scene",
    },
    Feature: {
        "hog": "the directions of edges (Dalal and Triggs 2005)",
        "sift": "bags of local patterns (Lowe 2004)",
        "colour": "how often each colour occurs",
        "embedding": "what a network with weights makes of the picture",
    },
    Optimizer: {
        "adamw": "Adam with decoupled weight decay (Loshchilov and Hutter 2019): forgives a wrong learning rate",
        "sgd": "stochastic gradient descent with momentum: wants a learning rate that was searched for",
    },
    Precision: {
        "auto": "bf16 on a GPU that has it, else fp32",
        "fp32": "32 bits a number",
        "bf16": "16 bits a number: less memory, faster where the hardware knows it",
    },
    Keep: {"best": "of the epoch that did best on validation", "last": "of the last epoch"},
    Loading: {
        "auto": "whichever fits",
        "decoded": "pictures are decoded once, into a file that the processes share",
        "stream": "pictures are decoded anew in each epoch, for what does not fit a disk",
    },
    Combine: {
        "vote": "one voice for each model",
        "mean": "the mean of their probabilities",
        "weighted": "their probabilities weighted by how well they do on validation",
        "soup": "one network whose weights are the mean of those that help (Wortsman et al. 2022)",
    },
    Tunable: {name: str(TrainParams.model_fields[name].description) for name in get_args(Tunable)},
    Trigger: {
        "labels": "labels were ingested, as many as min_new_labels",
        "drift": "a run reported that new pictures drifted",
    },
    Occasion: {
        "failed": "a run failed",
        "crashed": "the process of a run died",
        "refused": "the gate refused a model",
        "drift": "new pictures drifted away from those that the champion learned",
    },
    Backend: {
        "torch-fp32": "PyTorch on the CPU; the one that the others are held against",
        "torch-bf16": "PyTorch on a CPU that computes with 16 bits",
        "openvino-fp32": "OpenVINO on the CPU",
        "openvino-bf16": "OpenVINO on a CPU that computes with 16 bits",
        "openvino-int8": "OpenVINO with 8-bit whole numbers, calibrated on training pictures",
        "cuda-fp32": "PyTorch on an NVIDIA GPU",
        "cuda-bf16": "PyTorch on an NVIDIA GPU with 16 bits",
    },
    ClusterKind: {
        "kubernetes": "Kubernetes, through the Dask operator (the extra 'kubernetes')",
        "slurm": "the batch system Slurm (the extra 'jobqueue')",
        "pbs": "the batch system PBS (the extra 'jobqueue')",
        "sge": "the batch system Grid Engine (the extra 'jobqueue')",
        "lsf": "the batch system LSF (the extra 'jobqueue')",
        "cuda": "this machine, one worker for each GPU (the extra 'cuda')",
    },
    PoolType: {
        "process": "on the worker's own machine",
        "docker": "each run in a container of its own (the extra 'docker')",
        "kubernetes": "each run as a Kubernetes job (the extra 'kubernetes')",
    },
}
