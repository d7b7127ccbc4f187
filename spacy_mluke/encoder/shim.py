"""The network's place inside thinc: loading at first use, passes in batches, gradients, saving."""

from __future__ import annotations

import contextlib
import copy
import os
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Optional, Sequence, Tuple, Union, cast

import numpy
import torch
from thinc.api import Model, Optimizer, get_torch_default_device, torch2xp, xp2torch
from thinc.shims import Shim

from ..checkpoint.load import LoadedEncoder, load_encoder
from ..checkpoint.reuse import save_once
from ..errors import Warnings
from ..network.freezing import freeze
from ..network.int8 import clear_int8, has_int8, set_int8
from ..storage.files import pack_files, unpack_files
from ..types import AlignedBatch, DeviceFloats2d, EncoderOutput, Ints1d
from .batch_states import device_of, kept_piece_rows, places_of, run_part
from .batching import iter_batches
from .optimizer import AdamW
from .reducing import Chooser, Reader, read_all, read_chosen


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

    The checkpoint is named when the shim is made, and read when something first asks for it: resolving a config costs
    nothing and touches neither disk nor network. Outside of training the network stays in evaluation mode, so several
    threads may predict at once.

    name (str): The bundled "mluke-small", a checkpoint directory, or a hub name.
    visibility (str): "joint" or "isolated".
    dtype (str): Floating point type of the network: "float32", "bfloat16" or "float16".
    batch_rows (int): Pieces and entities that go through the network together.
    frozen (Sequence[str]): Parts that are not trained, as `freezing.check_parts` takes them.
    mixed_precision (bool): Whether dense layers are trained in bfloat16.
    quantize (Optional[str]): "int8" if dense layers predict in eight bits.
    revision (Optional[str]): Branch, tag or commit of a hub name.
    """

    def __init__(
        self,
        *,
        name: str,
        visibility: str,
        dtype: str,
        batch_rows: int,
        frozen: Sequence[str] = (),
        mixed_precision: bool = False,
        quantize: Optional[str] = None,
        revision: Optional[str] = None,
    ):
        config = {
            "name": name,
            "visibility": visibility,
            "dtype": dtype,
            "batch_rows": batch_rows,
            "frozen": list(frozen),
            "mixed_precision": mixed_precision,
            "quantize": quantize,
            "revision": revision,
        }
        super().__init__(None, config=config)
        self._loaded: Optional[LoadedEncoder] = None
        self._lock = threading.RLock()
        self._pid = os.getpid()
        # Files of an encoder that came as bytes: the word and entity tables stay memory-mapped on them.
        self._files: Optional[tempfile.TemporaryDirectory] = None

    @property
    def is_loaded(self) -> bool:
        return self._loaded is not None

    def load(self) -> LoadedEncoder:
        """Return the network and the vocabularies; read the checkpoint at the first call.

        RETURNS (LoadedEncoder): The encoder.
        """
        if self._loaded is None:
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
            dtype=getattr(torch, self.cfg["dtype"]),
        )

    def _set(self, loaded: LoadedEncoder) -> None:
        loaded.network.eval()
        freeze(loaded.network, self.cfg["frozen"])
        self._set_int8(loaded)
        self._model = loaded.network
        self._loaded = loaded
        self._pid = os.getpid()

    def quantize(self, kind: Optional[str]) -> None:
        """Let dense layers predict in fewer bits from now on, or in full again.

        kind (Optional[str]): "int8", or None.
        """
        with self._lock:
            self.cfg["quantize"] = kind
            if self._loaded is not None:
                self._set_int8(self._loaded)

    def _set_int8(self, loaded: LoadedEncoder) -> None:
        is_asked = self.cfg["quantize"] == "int8"
        is_possible = is_asked and device_of(loaded.network).type == "cpu" and has_int8()
        if is_asked and not is_possible:
            warnings.warn(Warnings.ML141.format(name=loaded.source, dtype=self.cfg["dtype"]), stacklevel=2)
        set_int8(loaded.network, is_possible)

    def _after_fork(self) -> None:
        """OpenMP's threads do not survive a fork: a child that called on them would wait forever."""
        if self._pid != os.getpid():
            torch.set_num_threads(1)
            self._pid = os.getpid()

    # --- running ---

    def predict(self, batch: AlignedBatch) -> EncoderOutput:
        """Run all passes without gradients; a long document costs the memory of its results, not of its passes.

        batch (AlignedBatch): What to encode.
        RETURNS (EncoderOutput): States as arrays of the current thinc ops.
        """
        network = self.load().network
        self._after_fork()
        kept = kept_piece_rows(batch)
        out_rows = numpy.full(len(batch.piece_ids), -1, dtype="int64")
        # Where windows of one document overlap, each piece is kept once: no row stands twice in `kept`.
        out_rows[kept] = numpy.arange(len(kept))
        width = self.load().config.hidden_size
        device = device_of(network)
        n_entities = len(batch.entity_ids) if batch.with_entities else 0
        entity_states = torch.empty((n_entities, width), device=device)
        piece_states = torch.empty((len(kept), width), device=device)
        with_pieces = batch.with_tokens or batch.with_all_pieces
        with torch.no_grad():
            for part, piece_rows, entity_rows in iter_batches(batch, max_rows=self.cfg["batch_rows"]):
                pieces, entities = run_part(network, part, device, with_pieces=with_pieces)
                entity_states[torch.from_numpy(entity_rows).to(device)] = entities.float()
                targets = out_rows[piece_rows]
                sources = numpy.flatnonzero(targets >= 0)
                if len(sources):
                    picked = pieces[torch.from_numpy(sources).to(device)].float()
                    piece_states[torch.from_numpy(targets[sources]).to(device)] = picked
        return EncoderOutput(
            piece_states=torch2xp(piece_states) if with_pieces else None,
            entity_states=torch2xp(entity_states),
            batch=batch,
        )

    def read_entities(self, batch: AlignedBatch, read: Reader, n_out: int) -> DeviceFloats2d:
        """Run all passes without gradients, and keep of them only what is read from each entity: thousands of them,
        candidates for instance, cost no more memory than their results.

        batch (AlignedBatch): What to encode.
        read (Reader): Takes some of its passes, the states of their pieces and of their entities, as arrays of the
            current thinc ops; gives a row for each entity.
        n_out (int): Columns of a row.
        RETURNS (DeviceFloats2d): Shape: (n_entities, n_out), float32.
        """
        return self._read(batch, read, (len(batch.entity_ids), n_out), of_entities=True)

    def read_chosen(self, batch: AlignedBatch, choose: Chooser, read: Reader, n_out: int) -> DeviceFloats2d:
        """Run the words of all passes without gradients, and of the entities only those that are chosen by them.

        batch (AlignedBatch): What to encode, with all entities.
        choose (Chooser): Takes some of its passes and the states of their pieces; gives numbers of their entities.
        read (Reader): As for `read_entities`.
        n_out (int): Columns of a row.
        RETURNS (DeviceFloats2d): Shape: (n_entities, n_out), float32; -inf for entities that were not chosen.
        """
        network = self.load().network
        self._after_fork()
        max_rows = self.cfg["batch_rows"]
        return read_chosen(network, batch, choose, read, n_out, max_rows=max_rows, device=device_of(network))

    def read_pieces(self, batch: AlignedBatch, read: Reader, n_out: int) -> DeviceFloats2d:
        """As `read_entities`, for what is read from each piece of each pass: answers to many questions, for instance.

        batch (AlignedBatch): What to encode.
        read (Reader): Gives a row for each piece.
        n_out (int): Columns of a row.
        RETURNS (DeviceFloats2d): Shape: (n_pieces, n_out), float32.
        """
        return self._read(batch, read, (len(batch.piece_ids), n_out), of_entities=False)

    def _read(self, batch: AlignedBatch, read: Reader, shape: Tuple[int, int], *, of_entities: bool) -> DeviceFloats2d:
        network = self.load().network
        self._after_fork()
        max_rows, device = self.cfg["batch_rows"], device_of(network)
        return read_all(network, batch, read, shape, of_entities=of_entities, max_rows=max_rows, device=device)

    def begin_update(self, batch: AlignedBatch) -> Tuple[EncoderOutput, Callable[[EncoderOutput], None]]:
        """Run all passes for training.

        batch (AlignedBatch): What to encode.
        RETURNS (Tuple[EncoderOutput, Callable]): The states, and a callback that takes their gradients (an
            EncoderOutput, too) and adds to the gradients of the parameters.
        """
        network = self.load().network
        self._after_fork()
        device = device_of(network)
        parts: List[Tuple[torch.Tensor, torch.Tensor]] = []
        piece_order: List[Ints1d] = []
        entity_order: List[Ints1d] = []
        with_pieces = batch.with_tokens or batch.with_all_pieces
        network.train()
        try:
            for part, piece_rows, entity_rows in iter_batches(batch, max_rows=self.cfg["batch_rows"]):
                with self.precision():
                    parts.append(run_part(network, part, device, with_pieces=with_pieces))
                piece_order.append(piece_rows)
                entity_order.append(entity_rows)
        finally:
            network.eval()
        if not parts:
            width = self.load().config.hidden_size
            parts = [(torch.empty((0, width), device=device), torch.empty((0, width), device=device))]
        kept = places_of(piece_order)[kept_piece_rows(batch)]
        pieces = torch.cat([p for p, _ in parts])[torch.from_numpy(kept).to(device)].float()
        entities = torch.cat([e for _, e in parts])[torch.from_numpy(places_of(entity_order)).to(device)].float()

        def backprop(d_output: EncoderOutput) -> None:
            pairs = ((pieces, d_output.piece_states), (entities, d_output.entity_states))
            given = [(y, xp2torch(dy, device=y.device)) for y, dy in pairs if dy is not None and y.requires_grad]
            if given:
                torch.autograd.backward([y for y, _ in given], [dy for _, dy in given])

        output = EncoderOutput(
            piece_states=torch2xp(pieces.detach()) if with_pieces else None,
            entity_states=torch2xp(entities.detach()),
            batch=batch,
        )
        return output, backprop

    def precision(self) -> ContextManager:
        """What a training pass runs in."""
        if not self.cfg["mixed_precision"]:
            return contextlib.nullcontext()
        return torch.autocast(device_of(self.load().network).type, dtype=torch.bfloat16)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Let an optimizer step every parameter that has a gradient, and clear the gradients.

        optimizer (Optimizer): Any of thinc's; `spacy-mluke.AdamW.v1` takes all parameters at once.
        """
        clear_int8(self.load().network)
        if isinstance(optimizer, AdamW):
            optimizer.step_parameters(self.id, self.load().named_parameters())
            return
        for name, param in self.load().named_parameters():
            if param.grad is None:
                continue
            # float() is a view of float32 parameters, which the optimizer then changes in place.
            data = param.data.float()
            weights, _ = optimizer((self.id, name), cast(Any, torch2xp(data)), cast(Any, torch2xp(param.grad.float())))
            updated = xp2torch(weights, device=param.device)
            if updated.data_ptr() != param.data_ptr():
                param.data.copy_(updated.view_as(param))
            param.grad = None

    @contextlib.contextmanager
    def use_params(self, params):
        """Run with other values of the parameters, such as an optimizer's averages.

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
            clear_int8(loaded.network)
            yield
        finally:
            for name, param in loaded.named_parameters():
                if name in backup:
                    param.data.copy_(backup[name])
            clear_int8(loaded.network)

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the encoder, as `Model.to_cpu` and `Model.to_gpu` ask for. One that is not loaded stays so: it is read
        to where the current thinc ops are.

        device_type (str): "cpu", "gpu" or "mps", as thinc's ops call it.
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
        """Write a checkpoint directory that `load_from` reads and people can, too. See `save_once`.

        path (Path): The directory, made if missing.
        neighbours (Sequence[Path]): Encoders that are saved beside it already.
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
            self.save(Path(folder))
            return pack_files(Path(folder))

    def from_bytes(self, data: bytes) -> EncoderShim:
        folder = tempfile.TemporaryDirectory(prefix="spacy_mluke_")
        unpack_files(data, Path(folder.name))
        self.load_from(Path(folder.name))
        self._files = folder
        return self

    def __getstate__(self) -> Dict[str, Any]:
        state = {"id": self.id, "cfg": self.cfg, "optimizer": self._optimizer, "files": None}
        if self.is_loaded:
            state["files"] = self.to_bytes()
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__init__(**state["cfg"])  # type: ignore[misc]
        self._optimizer = state["optimizer"]
        if state["files"] is not None:
            self.from_bytes(state["files"])

    def __deepcopy__(self, memo: Dict[int, Any]) -> EncoderShim:
        other = EncoderShim(**self.cfg)
        if self._loaded is not None:
            other._set(copy.deepcopy(self._loaded, memo))
            other._files = self._files
        return other
