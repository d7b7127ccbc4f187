"""The thinc shim that holds the network: loads it at first use, runs, trains and saves it."""

from __future__ import annotations

import contextlib
import copy
import os
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Optional, Sequence, Tuple, Union, cast

import torch
from thinc.api import Model, Optimizer, get_torch_default_device, torch2xp, xp2torch
from thinc.shims import Shim

from ..checkpoint.load import LoadedEncoder, load_encoder
from ..checkpoint.reuse import save_once
from ..errors import Errors, Warnings
from ..network.config import weights_dtype
from ..network.freezing import freeze
from ..network.int8 import clear_int8, has_int8, set_int8
from ..network.precision import BFloat16Copy, choose_dtype
from ..network.transformer import LukeEncoder
from ..storage.files import pack_files, unpack_files
from ..types import AlignedBatch, DeviceFloats2d, EncoderOutput
from .optimizer import AdamW
from .reducers import Reducer, Selector
from .running import begin_training, device_of, predict_reduced, predict_selected, predict_states


def get_shim(model: Model[Any, Any]) -> EncoderShim:
    """Return the shim of an encoder. For this folder: others use access.py.

    model (Model): As from `build_encoder_v1`.
    RETURNS (EncoderShim): The shim.
    """
    shim = model.shims[0]
    assert isinstance(shim, EncoderShim)
    return shim


class EncoderShim(Shim):
    """Holds a LoadedEncoder for a thinc Model.

    The checkpoint is read at first use: resolving a config accesses neither disk nor network. Outside of training the
    network stays in evaluation mode, so several threads may predict at once.

    name (str): The bundled "mluke-small", a checkpoint directory, or a hub name.
    visibility (str): "joint" or "isolated".
    dtype (str): Type of the network, or "auto": weights in float32, predictions in float32 or bfloat16.
    max_batch_items (int): Maximum number of pieces and entities in one forward pass.
    frozen (Sequence[str]): Parts that are not trained, as from `freezing.check_parts`.
    mixed_precision (bool): Whether dense layers are trained in bfloat16.
    quantize (Optional[str]): "int8" for dense layers that predict in eight bits.
    revision (Optional[str]): Branch, tag or commit of a hub name.
    """

    def __init__(
        self,
        *,
        name: str,
        visibility: str,
        dtype: str,
        max_batch_items: int,
        frozen: Sequence[str] = (),
        mixed_precision: bool = False,
        quantize: Optional[str] = None,
        revision: Optional[str] = None,
    ):
        config = {
            "name": name,
            "visibility": visibility,
            "dtype": dtype,
            "max_batch_items": max_batch_items,
            "frozen": list(frozen),
            "mixed_precision": mixed_precision,
            "quantize": quantize,
            "revision": revision,
        }
        super().__init__(None, config=config)
        self._loaded: Optional[LoadedEncoder] = None
        # Replaced whenever states change: with the weights, or with the precision of predictions.
        self.weights_key = object()
        self._copy = BFloat16Copy()
        self._lock = threading.RLock()
        self._pid = os.getpid()
        # Files of an encoder that was loaded from bytes: its word and entity tables stay memory-mapped on them.
        self._files: Optional[tempfile.TemporaryDirectory] = None

    @property
    def is_loaded(self) -> bool:
        return self._loaded is not None

    def load(self) -> LoadedEncoder:
        """Return the network and the vocabularies; read the checkpoint at the first call.

        RETURNS (LoadedEncoder): The encoder.
        """
        if self._loaded is None:
            self._after_fork()
            with self._lock:
                if self._loaded is None:
                    self._set(self._load(self.cfg["name"], self.cfg["revision"]))
        assert self._loaded is not None
        return self._loaded

    def _load(self, name: Union[str, Path], revision: Optional[str] = None) -> LoadedEncoder:
        return load_encoder(
            str(name),
            revision=revision,
            visibility=self.cfg["visibility"],
            device=get_torch_default_device(),
            dtype=getattr(torch, weights_dtype(self.cfg["dtype"])),
        )

    def _set(self, loaded: LoadedEncoder) -> None:
        loaded.network.eval()
        freeze(loaded.network, self.cfg["frozen"])
        self._set_int8(loaded)
        self._model = loaded.network
        self._loaded = loaded

    def quantize(self, kind: Optional[str]) -> None:
        """Make dense layers predict in fewer bits from now on, or in full precision again.

        kind (Optional[str]): "int8", or None.
        """
        with self._lock:
            self.cfg["quantize"] = kind
            if self._loaded is not None:
                self._set_int8(self._loaded)

    def _set_int8(self, loaded: LoadedEncoder) -> None:
        self.weights_key = object()
        self._copy.clear()
        is_requested = self.cfg["quantize"] == "int8"
        is_possible = is_requested and device_of(loaded.network).type == "cpu" and has_int8()
        if is_requested and not is_possible:
            warnings.warn(Warnings.ML141.format(name=loaded.source, dtype=self.prediction_dtype()), stacklevel=2)
        set_int8(loaded.network, is_possible)

    def prediction_dtype(self) -> str:
        """Return the floating point type that the network predicts in. For "auto", this loads the network.

        RETURNS (str): "float32", "bfloat16" or "float16".
        """
        if self.cfg["dtype"] != "auto" or self.cfg["quantize"] is not None:
            return weights_dtype(self.cfg["dtype"])
        loaded = self.load()
        return choose_dtype(loaded.config, device_of(loaded.network))

    def _predicting(self) -> LukeEncoder:
        network = self.load().network
        is_reduced = self.prediction_dtype() != weights_dtype(self.cfg["dtype"])
        return self._copy.get(network) if is_reduced else network

    def _after_fork(self) -> None:
        """Use one thread in a forked process. OpenMP's threads do not survive a fork: the child would wait forever."""
        if self._pid != os.getpid():
            torch.set_num_threads(1)
            self._pid = os.getpid()

    # --- running and training ---

    def predict(
        self, batch: AlignedBatch, reducer: Optional[Reducer] = None, selector: Optional[Selector] = None
    ) -> EncoderOutput:
        """Run all sequences without gradients.

        batch (AlignedBatch): The sequences.
        reducer (Optional[Reducer]): What to keep of them; None for the states.
        selector (Optional[Selector]): Which entities to encode; None for all.
        RETURNS (EncoderOutput): States, or what the reducer made of them, as arrays of the current thinc ops.
        RAISES (ValueError): ML380 for a selector without a reducer of entities.
        """
        self.load()
        self._after_fork()
        network = self._predicting()
        max_items = self.cfg["max_batch_items"]
        with torch.no_grad():
            if selector is not None:
                if reducer is None or reducer.per != "entity":
                    raise ValueError(Errors.ML380)
                return predict_selected(network, batch, reducer, selector, max_items=max_items)
            if reducer is not None:
                return predict_reduced(network, batch, reducer, max_items=max_items)
            return predict_states(network, batch, max_items=max_items)

    def begin_update(
        self, batch: AlignedBatch, reducer: Optional[Reducer] = None
    ) -> Tuple[EncoderOutput, Callable[[EncoderOutput], None]]:
        """Run all sequences for training.

        batch (AlignedBatch): The sequences.
        reducer (Optional[Reducer]): What to keep of them; None for the states.
        RETURNS (Tuple[EncoderOutput, Callable]): As from `predict`, and a callback that takes the gradient of the
            output (an EncoderOutput, too) and adds to the gradients of the parameters.
        """
        network = self.load().network
        self._after_fork()
        network.train()
        try:
            pieces, entities = begin_training(
                network,
                batch,
                max_items=self.cfg["max_batch_items"],
                precision=self.precision,
                all_pieces=reducer is not None,
            )
        finally:
            network.eval()
        piece_states, entity_states = torch2xp(pieces.detach()), torch2xp(entities.detach())

        def backprop_states(d_pieces: Optional[DeviceFloats2d], d_entities: Optional[DeviceFloats2d]) -> None:
            pairs = ((pieces, d_pieces), (entities, d_entities))
            given = [(y, xp2torch(dy, device=y.device)) for y, dy in pairs if dy is not None and y.requires_grad]
            if given:
                torch.autograd.backward([y for y, _ in given], [dy for _, dy in given])

        if reducer is None:

            def backprop(d_output: EncoderOutput) -> None:
                backprop_states(d_output.piece_states, d_output.entity_states)

            with_pieces = batch.with_tokens or batch.with_all_pieces
            return EncoderOutput(piece_states if with_pieces else None, entity_states, batch), backprop
        reduced, backprop_reduced = reducer.begin_update(batch, piece_states, entity_states)

        def backprop_through_reducer(d_output: EncoderOutput) -> None:
            backprop_states(*backprop_reduced(d_output.reduced))

        return EncoderOutput(None, None, batch, reduced), backprop_through_reducer

    def precision(self) -> ContextManager:
        """Return the context in which the network runs in training."""
        if not self.cfg["mixed_precision"]:
            return contextlib.nullcontext()
        return torch.autocast(device_of(self.load().network).type, dtype=torch.bfloat16)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step every parameter that has a gradient, and clear the gradients.

        optimizer (Optimizer): Any thinc optimizer; `spacy-mluke.AdamW.v1` steps all parameters at once.
        """
        self._clear_copies(self.load())
        if isinstance(optimizer, AdamW):
            optimizer.step_parameters(self.id, self.load().named_parameters())
            return
        for name, param in self.load().named_parameters():
            if param.grad is None:
                continue
            # For float32 parameters, float() returns the same tensor, and the optimizer changes it in place.
            data = param.data.float()
            weights, _ = optimizer((self.id, name), cast(Any, torch2xp(data)), cast(Any, torch2xp(param.grad.float())))
            updated = xp2torch(weights, device=param.device)
            if updated.data_ptr() != param.data_ptr():
                param.data.copy_(updated.view_as(param))
            param.grad = None

    @contextlib.contextmanager
    def use_params(self, params):
        """Use other values of the parameters while the context is open, such as an optimizer's averages.

        params (Dict): Arrays by (shim id, parameter name).
        """
        own = {key[1]: value for key, value in params.items() if isinstance(key, tuple) and key[0] == self.id}
        if not own or not self.is_loaded:
            yield
            return
        loaded = self.load()
        backup = {name: param.data.clone() for name, param in loaded.named_parameters() if name in own}
        try:
            for name, param in loaded.named_parameters():
                if name in own:
                    param.data.copy_(xp2torch(own[name], device=param.device).view_as(param))
            self._clear_copies(loaded)
            yield
        finally:
            for name, param in loaded.named_parameters():
                if name in backup:
                    param.data.copy_(backup[name])
            self._clear_copies(loaded)

    def _clear_copies(self, loaded: LoadedEncoder) -> None:
        """Remove the layers in 8 bits and in bfloat16, after the weights have changed."""
        self.weights_key = object()
        clear_int8(loaded.network)
        self._copy.clear()

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the encoder to another device. Called by `Model.to_cpu` and `Model.to_gpu`. An encoder that is not
        loaded yet will be loaded to the device of the current thinc ops.

        device_type (str): "cpu", "gpu" or "mps".
        device_id (int): Which GPU.
        """
        with self._lock:
            if self._loaded is None:
                return
            device = {"gpu": f"cuda:{device_id}"}.get(device_type, device_type)
            self._loaded.network.to(device)
            self._loaded.heads.to(device)
            self._set_int8(self._loaded)

    # --- saving ---

    def save(self, path: Path, neighbours: Sequence[Path] = ()) -> None:
        """Write a checkpoint directory in a form that `load_from` and other tools can read. See `save_once`.

        path (Path): The directory, made if missing.
        neighbours (Sequence[Path]): Encoders of the same pipeline that are saved already.
        """
        save_once(self.load(), path, neighbours=neighbours)

    def load_from(self, path: Path) -> None:
        """Read a checkpoint directory in place of the one named in the config.

        path (Path): The directory.
        """
        with self._lock:
            self._set(self._load(path))

    def to_bytes(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            save_once(self.load(), Path(folder), is_portable=True)
            return pack_files(Path(folder))

    def from_bytes(self, data: bytes) -> EncoderShim:
        folder = tempfile.TemporaryDirectory(prefix="spacy_mluke_")
        unpack_files(data, Path(folder.name))
        self.load_from(Path(folder.name))
        self._files = folder
        return self

    def __getstate__(self) -> Dict[str, Any]:
        return {"cfg": self.cfg, "files": self.to_bytes() if self.is_loaded else None}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__init__(**state["cfg"])  # type: ignore[misc]
        if state["files"] is not None:
            self.from_bytes(state["files"])

    def __deepcopy__(self, memo: Dict[int, Any]) -> EncoderShim:
        other = EncoderShim(**self.cfg)
        if self._loaded is not None:
            other._set(copy.deepcopy(self._loaded, memo))
            other._files = self._files
        return other
