"""Weights to start from: by name, from a file, from a model; taken whole, or refused in one line."""

import hashlib
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.transforms.functional import normalize

from nightsort.config.training import FitParams
from nightsort.errors import ModelError
from nightsort.learning import bundle
from nightsort.learning.architecture import Ensemble, Network
from nightsort.learning.bundle import Bundle
from nightsort.learning.card import Card
from nightsort.learning.classifier import Classifier
from nightsort.learning.pretrained import Initial, begin, from_bundle, from_file, imagenet, initial_weights
from nightsort.learning.registry import Registry
from nightsort.learning.zoo import build
from nightsort.storage import Storage

NAME = "mobilenet_v3_small"
PUBLISHED = f"{NAME}-047dcff4.pth"
MEAN = [255 * value for value in (0.485, 0.456, 0.406)]


def model_of(name: str = "small_resnet", classes: int = 2, head: str = "linear") -> Classifier:
    """A network with random weights, other ones each time."""
    return build(Network.model_validate({"name": name, "head": head}), classes)


def same(model: Classifier, other: Classifier, part: str) -> bool:
    """Whether two models have the same weights in a part."""
    mine, theirs = model.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine if name.startswith(part))


@pytest.fixture
def published() -> Bundle:
    """A model of cats and dogs, with a normalisation of its own."""
    card = Card(
        architecture=Network(name="small_resnet"), weights_sha256="abc",
        version=3, created=datetime(2026, 1, 1, tzinfo=UTC), run_id="r", model="small_resnet", classes=["cat", "dog"],
        store_side=64, image_size=32, preprocessing="p", temperature=1.0, abstain_below=0.5, dataset_version=1,
        dataset_fingerprint="f", training_share={}, balance="none", macro_f1=0.5, accuracy=0.5,
    )  # fmt: skip
    model = model_of()
    model.normalise_by(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]))
    return Bundle(card, model)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[torch.nn.Module], Path]:
    """Writes a network's weights as safetensors."""

    def write(network: torch.nn.Module) -> Path:
        save_file({name: t.contiguous() for name, t in network.state_dict().items()}, tmp_path / "w.safetensors")
        return tmp_path / "w.safetensors"

    return write


def test_a_warm_start_takes_body_head_and_normalisation(published: Bundle) -> None:
    model = model_of()
    notes = begin(model, from_bundle(published), ["cat", "dog"])
    assert notes == ["weights: body from model 3; head too"]
    assert same(model, published.network, "")


def test_rows_of_the_head_follow_the_names_of_classes(published: Bundle) -> None:
    model = model_of(classes=3)
    before = {name: tensor.clone() for name, tensor in model.head.state_dict().items()}
    notes = begin(model, from_bundle(published), ["dog", "eel", "cat"])
    assert notes == ["weights: body from model 3; head too, but for new classes: eel"]
    for name, tensor in model.head.state_dict().items():
        old = published.network.head.state_dict()[name]
        assert torch.equal(tensor, torch.stack([old[1], before[name][1], old[0]]))


def test_a_shift_that_was_added_to_a_cosine_head_is_not_inherited(published: Bundle) -> None:
    model = model_of(head="cosine")
    begin(model, from_bundle(published), ["cat", "dog"])
    assert same(model, published.network, "head.weight") and not model.head.get_buffer("bias").any()


def test_a_file_of_a_bundle_gives_all_of_it(written: Callable[[torch.nn.Module], Path]) -> None:
    old, model = model_of(), model_of()
    initial = from_file(written(old))
    assert begin(model, initial, ["a", "b"]) == ["weights: body from w.safetensors; head too"]
    assert same(model, old, "")
    assert initial.sha256 == hashlib.sha256(written(old).read_bytes()).hexdigest()


def test_a_head_for_another_number_of_classes_starts_anew(written: Callable[[torch.nn.Module], Path]) -> None:
    old, model = model_of(classes=5), model_of()
    assert begin(model, from_file(written(old)), ["a", "b"])[0].endswith("the head starts anew")
    assert same(model, old, "body.")


@pytest.mark.parametrize("name", [NAME, "squeezenet1_1"])
def test_a_file_by_torchvisions_names_fits(name: str, written: Callable[[torch.nn.Module], Path]) -> None:
    network, model = torchvision.models.get_model(name), model_of(name)
    begin(model, from_file(written(network)), ["a", "b"])
    theirs, ours = network.state_dict(), model.body.state_dict()
    assert ours and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    torch.testing.assert_close(model.mean.flatten().tolist(), MEAN)


def test_a_file_of_torchvision_gives_its_answers(written: Callable[[torch.nn.Module], Path]) -> None:
    network, model = torchvision.models.get_model(NAME, num_classes=2).eval(), model_of(NAME).eval()
    begin(model, from_file(written(network)), ["a", "b"])
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    seen = normalize(images / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(model(images), network(seen), atol=1e-5, rtol=1e-4)


def test_googlenet_is_normalised_once(written: Callable[[torch.nn.Module], Path]) -> None:
    network = torchvision.models.googlenet(init_weights=False, aux_logits=True, num_classes=2)
    model = model_of("googlenet")
    begin(model, from_file(written(network)), ["a", "b"])
    assert model.mean.flatten().tolist() == model.std.flatten().tolist() == [127.5] * 3


def test_densenets_old_names_are_known() -> None:
    model, other = model_of("densenet121"), model_of("densenet121")
    plain = {name.removeprefix("body."): t for name, t in other.state_dict().items() if name.startswith("body.")}
    old = {name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): t for name, t in plain.items()}
    assert old.keys() != plain.keys()
    begin(model, Initial(old, "old", ""), ["a", "b"])
    assert same(model, other, "body.")


def test_weights_of_another_network_are_refused_in_one_line(written: Callable[[torch.nn.Module], Path]) -> None:
    initial, model = from_file(written(model_of("resnet32"))), model_of()
    before = model_of()
    before.load_state_dict(model.state_dict())
    with pytest.raises(
        ModelError, match=r"w\.safetensors does not fit this model; missing: .* and \d+ more; "
    ) as raised:
        begin(model, initial, ["a", "b"])
    message = str(raised.value)
    assert "; unexpected: blocks." in message and len(raised.value.lines) == 1 and len(message) < 700
    assert same(model, before, "")


def test_a_tensor_of_another_shape_is_named(published: Bundle) -> None:
    state = from_bundle(published).state | {"body.stem.0.weight": torch.zeros(16, 1, 3, 3)}
    with pytest.raises(
        ModelError, match=r"of another shape: stem\.0\.weight \[16, 1, 3, 3\] instead of \[16, 3, 3, 3\]"
    ):
        begin(model_of(), Initial(state, "x", ""), ["a", "b"])


def test_values_that_are_not_finite_are_refused(published: Bundle) -> None:
    state = from_bundle(published).state | {"body.stem.0.weight": torch.full((16, 3, 3, 3), float("nan"))}
    with pytest.raises(ModelError, match=r"not finite: stem\.0\.weight"):
        begin(model_of(), Initial(state, "x", ""), ["a", "b"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("w.pth", b"", "only .safetensors is read"),
        ("none.safetensors", None, "cannot be read"),
        ("w.safetensors", b"", "is damaged, or no safetensors file"),
        ("w.safetensors", pickle.dumps([1]), "is damaged, or no safetensors file"),
    ],
)
def test_what_is_no_file_of_weights_is_one_line(name: str, data: bytes | None, message: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"weights: .*{name}: {message}") as raised:
        from_file(tmp_path / name)
    assert len(raised.value.lines) == 1


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps the weights it fetched; there is no network."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / PUBLISHED


def test_weights_of_imagenet_come_with_its_normalisation_and_their_hash(downloaded: Path) -> None:
    network, model = torchvision.models.get_model(NAME), model_of(NAME)
    torch.save(network.state_dict(), downloaded)
    initial = imagenet(NAME)
    notes = begin(model, initial, ["a", "b"])
    assert notes == [f"weights: body from imagenet {NAME}; the head starts anew"]
    assert initial.sha256 == hashlib.sha256(downloaded.read_bytes()).hexdigest()
    assert torch.equal(model.body.state_dict()["features.0.0.weight"], network.state_dict()["features.0.0.weight"])
    torch.testing.assert_close(model.mean.flatten().tolist(), MEAN)


def test_without_a_network_the_message_says_what_to_do(downloaded: Path) -> None:
    with pytest.raises(ModelError, match=rf"no network.*put the file at {downloaded}, or give .*safetensors") as raised:
        imagenet(NAME)
    assert len(raised.value.lines) == 1


def test_a_pickle_in_the_place_of_imagenets_weights_is_not_run(downloaded: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "harm",)

    torch.save({"features.0.0.weight": Bomb()}, downloaded)
    with pytest.raises(ModelError, match="could not be had"):
        imagenet(NAME)
    assert not (tmp_path / "harm").exists()


def test_a_network_of_ours_has_no_weights_of_imagenet() -> None:
    with pytest.raises(ModelError, match="none learned on ImageNet for 'small_resnet'"):
        imagenet("small_resnet")


def test_an_unknown_network_is_answered_with_near_names() -> None:
    with pytest.raises(ModelError, match=r"unknown name 'resnet19'; near it: .*resnet18"):
        imagenet("resnet19")


def test_weights_are_random_unless_named(storage: Storage) -> None:
    params = FitParams()
    assert initial_weights(storage, params) == (params, None)
    with pytest.raises(ModelError, match=r"no champion in .* yet"):
        initial_weights(storage, FitParams(weights="champion"))


def test_an_unknown_embedder_is_answered_before_any_weights_are_read(storage: Storage) -> None:
    params = FitParams(model="svm", features=["embedding"], embedder="resnet19", weights="nowhere.safetensors")
    with pytest.raises(ModelError, match=r"unknown name 'resnet19'; near it: .*resnet18"):
        initial_weights(storage, params)


def test_the_champions_network_embeds_for_a_classical_model(published: Bundle, storage: Storage) -> None:
    storage.prepare()
    bundle.save(storage, published.card, published.network)
    Registry(storage).promote(published.card.version, None)
    given = FitParams(model="svm", features=["embedding"], weights="champion")
    params, initial = initial_weights(storage, given)
    assert params == given.model_copy(update={"embedder": "small_resnet"})
    assert initial and initial.source == "model 3"
    network = given.model_copy(update={"model": "small_resnet"})
    assert initial_weights(storage, network)[0] == network


def test_a_champion_that_is_no_network_is_no_start(published: Bundle, storage: Storage) -> None:
    both = Ensemble(combine="mean", members=[Network(name="small_resnet")] * 2)
    bundle.save(storage, published.card.model_copy(update={"architecture": both}), build(both, 2))
    Registry(storage).promote(published.card.version, None)
    with pytest.raises(ModelError, match=r"^weights: the champion, model 3 \(small_resnet\), is no network"):
        initial_weights(storage, FitParams(weights="champion"))
