"""What the rest of the package may do with an encoder besides running it: read its checkpoint, save it, ask for its
settings. The shim that does the work is private to this folder."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from pathlib import Path
from typing import Any, ContextManager, Dict, Optional, Sequence, Union

import torch
from thinc.api import Model

from ..checkpoint.delta import compact_delta
from ..checkpoint.load import LoadedEncoder
from ..storage.files import pack_files
from .request import EncoderModel
from .shim import EncoderShim, get_shim

# Options that say how documents are aligned: attributes of the Model. The shim has the others.
ALIGNMENT_OPTIONS = ("segmentation", "entity_input", "window", "overlap", "max_entities", "max_mention_length")


def is_encoder(model: Model[Any, Any]) -> bool:
    """Return whether a Model is an encoder itself, not a listener or another layer.

    model (Model): Any Model.
    RETURNS (bool): Whether it is one.
    """
    return any(isinstance(shim, EncoderShim) for shim in model.shims)


def load_model(model: EncoderModel) -> LoadedEncoder:
    """Return the network and the vocabularies of an encoder. The checkpoint is read at the first call, which also sets
    the Model's width.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (LoadedEncoder): The encoder itself, not a copy.
    """
    loaded = get_shim(model).load()
    if model.has_dim("nO") is None:
        model.set_dim("nO", loaded.config.hidden_size)
    return loaded


def is_loaded(model: EncoderModel) -> bool:
    """Return whether the checkpoint of an encoder has been read.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (bool): Whether it has.
    """
    return get_shim(model).is_loaded


def weights_key(model: EncoderModel) -> object:
    """Return an object that is another one after an encoder's states have changed: with its weights, or with the
    precision that it predicts in. What was computed with its states is out of date then.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (object): Compare it by identity.
    """
    return get_shim(model).weights_key


def hash_weights(model: EncoderModel) -> str:
    """Return a hash of an encoder's layer norms, by which differently trained encoders are told apart.

    Training changes them, unless they are frozen. They are rounded to bfloat16, so the hash is the same for every
    `dtype` and `quantize`.

    model (EncoderModel): As from `build_encoder_v1`. Its checkpoint is read.
    RETURNS (str): 16 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name, weight in sorted(load_model(model).network.state_dict().items()):
        if "LayerNorm" in name:
            digest.update(f"{name}{tuple(weight.shape)}".encode())
            digest.update(weight.detach().cpu().to(torch.bfloat16).view(torch.int16).numpy().astype("<i2").tobytes())
    return digest.hexdigest()


def encoder_settings(model: EncoderModel) -> Dict[str, Any]:
    """Return the options that an encoder was built with.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (Dict[str, Any]): A copy: changing it changes nothing. The keys are arguments of `build_encoder_v1`.
    """
    return copy.deepcopy({**{name: model.attrs[name] for name in ALIGNMENT_OPTIONS}, **get_shim(model).cfg})


def set_quantization(model: EncoderModel, kind: Optional[str]) -> None:
    """Make an encoder predict with dense layers in eight bits from now on, or in full precision again.

    model (EncoderModel): As from `build_encoder_v1`.
    kind (Optional[str]): "int8", or None for full precision.
    """
    get_shim(model).quantize(kind)


def prediction_dtype(model: EncoderModel) -> str:
    """Return the floating point type that an encoder predicts in. With `dtype = "auto"`, this reads the checkpoint and
    may measure: see `choose_dtype`.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (str): "float32", "bfloat16" or "float16".
    """
    return get_shim(model).prediction_dtype()


def training_precision(model: EncoderModel) -> ContextManager[None]:
    """Return a context in which an encoder predicts in the precision that it is trained in.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (ContextManager): bfloat16 for an encoder with `mixed_precision`; otherwise it changes nothing.
    """
    return get_shim(model).precision()


def save_encoder_to(model: EncoderModel, path: Path, neighbours: Sequence[Path] = ()) -> None:
    """Write an encoder as a checkpoint directory. See `save_once`.

    model (EncoderModel): As from `build_encoder_v1`.
    path (Path): The directory, made if missing.
    neighbours (Sequence[Path]): Encoders of the same pipeline that are saved already: an equal one is not written
        twice.
    """
    get_shim(model).save(path, neighbours)


def compact_encoder(model: EncoderModel, storage: str, base: Union[str, Path]) -> None:
    """Replace an encoder by the checkpoint that it was trained from, with rounded differences. Saving it writes only
    these.

    model (EncoderModel): As from `build_encoder_v1`.
    storage (str): Storage of the differences, one of `delta.COMPACT`.
    base (Union[str, Path]): The checkpoint.
    RAISES (ValueError): ML056 if the encoder was not trained from that checkpoint.
    """
    with tempfile.TemporaryDirectory() as folder:
        compact_delta(load_model(model), Path(folder), base, storage)
        encoder_from_bytes(model, pack_files(Path(folder)))


def load_encoder_from(model: EncoderModel, path: Path) -> None:
    """Read a checkpoint directory in place of the checkpoint that the config names.

    model (EncoderModel): As from `build_encoder_v1`.
    path (Path): The directory.
    """
    get_shim(model).load_from(path)


def encoder_to_bytes(model: EncoderModel) -> bytes:
    """Return an encoder's checkpoint as bytes.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (bytes): What `encoder_from_bytes` takes.
    """
    return get_shim(model).to_bytes()


def encoder_from_bytes(model: EncoderModel, data: bytes) -> None:
    """Read a checkpoint from bytes in place of the checkpoint that the config names.

    model (EncoderModel): As from `build_encoder_v1`.
    data (bytes): As from `encoder_to_bytes`.
    """
    get_shim(model).from_bytes(data)
