"""The thinc Model around the encoder."""

from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from thinc.api import Model

from ..align.segments import SEGMENTATIONS
from ..errors import Errors, check_at_least, check_choice, check_flag, check_text
from ..network.config import check_quantization
from ..network.freezing import check_parts
from ..network.transformer import VISIBILITIES
from ..types import EncoderOutput
from .access import load_model
from .inputs import EncoderInput, no_spans
from .request import EncoderModel, EncoderRequest
from .shim import EncoderShim, get_shim

DTYPES = ("float32", "bfloat16", "float16")
ENTITY_INPUTS = ("mask", "kb_id")


def build_encoder_v1(
    name: str = "mluke-small",
    visibility: str = "joint",
    segmentation: str = "auto",
    entity_input: str = "mask",
    window: int = 512,
    overlap: int = 128,
    max_entities: int = 128,
    max_mention_length: int = 30,
    batch_rows: int = 1024,
    dtype: str = "float32",
    frozen: Union[str, List[str], Tuple[str, ...]] = (),
    mixed_precision: bool = False,
    quantize: Optional[str] = None,
    revision: Optional[str] = None,
) -> EncoderModel:
    """Build the encoder: documents and entity spans in, contextual states of wordpieces and entities out.

    Building costs nothing: the checkpoint is read at first use, or by `initialize`.

    name (str): The bundled "mluke-small", a checkpoint directory, or a hub name such as "studio-ousia/mluke-base".
    visibility (str): Who sees whom. "joint": words and entities all see each other, as in the papers and published
        weights. "isolated": words see words, an entity sees the words and itself; its vector then does not depend on
        the company it is in.
    segmentation (str): How text is cut into wordpieces around entities. "published": cut at every span boundary, as
        published models were fine-tuned; "pretraining": cut without the extra "▁"; "plain": never cut, a span takes
        every wordpiece that it touches; "auto": "published" with joint visibility, "plain" with isolated.
    entity_input (str): What stands for an entity. "mask": the [MASK] entity; "kb_id": the entity that the vocabulary
        has under the span's `kb_id_` (e.g. "en:Tokyo"), [UNK] for a name it lacks, [MASK] where there is none.
    window (int): Wordpieces of a pass, with <s> and </s>. Longer documents are read in windows.
    overlap (int): Wordpieces that neighbouring windows share.
    max_entities (int): Entities of a pass; more go to further passes. 0 for no limit.
    max_mention_length (int): Wordpieces of a mention that its position embedding is the mean of, from the left.
    batch_rows (int): Wordpieces and entities that go through the network together.
    dtype (str): "float32", "bfloat16" or "float16".
    frozen (Union[str, List[str]]): Parts that training leaves as they are: "word_embeddings", "embeddings",
        "entity_embeddings", "layers:0-5" (from the bottom, the last one included), "all".
    mixed_precision (bool): Whether training multiplies matrices in bfloat16, weights and all else staying in `dtype`:
        quicker on processors that have units for it, on others slower.
    quantize (Optional[str]): "int8": predictions multiply matrices in eight bits, on the CPU. Weights in full are what
        is trained and saved. None for full precision.
    revision (Optional[str]): Branch, tag or commit of a hub name. None for the latest files. The commit that was read
        is saved with the pipeline.
    RETURNS (EncoderModel): A Model[EncoderInput, EncoderOutput].
    RAISES (ValueError): ML070 for an unknown choice, ML071, ML310 for values that are not allowed, ML072 if isolated
        visibility is asked for with a segmentation that depends on the entities, ML033 for eight bits made from another
        type than float32, ML252 for an unknown part to freeze.
    """
    check_text("name", name)
    check_choice("visibility", visibility, VISIBILITIES)
    check_choice("segmentation", segmentation, ("auto", *SEGMENTATIONS))
    check_choice("dtype", dtype, DTYPES)
    check_quantization(quantize, dtype)
    check_choice("entity_input", entity_input, ENTITY_INPUTS)
    for option, value, least in (
        ("window", window, 8),
        ("overlap", overlap, 0),
        ("max_entities", max_entities, 0),
        ("max_mention_length", max_mention_length, 1),
        ("batch_rows", batch_rows, 1),
    ):
        check_at_least(option, value, least)
    check_flag("mixed_precision", mixed_precision)
    if segmentation == "auto":
        segmentation = "plain" if visibility == "isolated" else "published"
    if visibility == "isolated" and segmentation != "plain":
        raise ValueError(Errors.ML072.format(segmentation=segmentation))
    attrs = {
        "segmentation": segmentation,
        "entity_input": entity_input,
        "window": window,
        "overlap": overlap,
        "max_entities": max_entities,
        "max_mention_length": max_mention_length,
    }
    shim = EncoderShim(
        name=name,
        visibility=visibility,
        dtype=dtype,
        batch_rows=batch_rows,
        frozen=check_parts(frozen),
        mixed_precision=mixed_precision,
        quantize=quantize,
        revision=revision,
    )
    return _build(attrs, shim)


def _build(attrs: Dict[str, Any], shim: EncoderShim) -> EncoderModel:
    return Model("mluke-encoder", forward, init=init, dims={"nO": None}, attrs=attrs, shims=[shim])


def init(model: EncoderModel, X: Optional[EncoderRequest] = None, Y: Optional[EncoderOutput] = None) -> None:
    """Read the checkpoint and set the width."""
    load_model(model)


def unloaded_copy(model: EncoderModel) -> EncoderModel:
    """Return an encoder with the same options whose checkpoint has not been read.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (EncoderModel): It reads the checkpoint that the config names, whatever has become of the given one.
    """
    return _build(dict(model.attrs), EncoderShim(**get_shim(model).cfg))


def forward(
    model: EncoderModel, request: EncoderRequest, is_train: bool
) -> Tuple[EncoderOutput, Callable[[EncoderOutput], EncoderRequest]]:
    """Align a request and encode it.

    RETURNS (Tuple[EncoderOutput, Callable]): The states, or what the request's reducer makes of them; the callback
        takes their gradients.
    RAISES (ValueError): ML380 for a selector without a reducer of entities, or in training.
    """
    load_model(model)
    if isinstance(request, list):
        request = EncoderInput(request, no_spans(len(request)))
    batch = request.align(model)
    shim = get_shim(model)
    if not is_train:
        return shim.predict(batch, request.reducer, request.selector), _no_backprop
    if request.selector is not None:
        raise ValueError(Errors.ML380)
    output, backprop_states = shim.begin_update(batch, request.reducer)

    def backprop(d_output: EncoderOutput) -> EncoderRequest:
        backprop_states(d_output)
        return request

    return output, backprop


def _no_backprop(d_output: EncoderOutput) -> EncoderRequest:
    raise NotImplementedError
