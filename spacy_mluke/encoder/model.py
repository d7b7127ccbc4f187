"""`spacy-mluke.Encoder.v1` and its defaults, which spaCy reads with the factories: nothing of the network is loaded."""

import inspect
from typing import Any, Dict, List, Optional, Tuple, Union

from ..errors import Errors, check_at_least, check_choice, check_flag, check_text
from ..errors.renamed import take_renamed
from .request import EncoderModel

DTYPES = ("float32", "bfloat16", "float16", "auto")
ENTITY_INPUTS = ("mask", "kb_id")


# Old names of options, accepted for one release.
RENAMED = {"batch_rows": "max_batch_items"}


def build_encoder_v1(
    name: str = "mluke-small",
    visibility: str = "joint",
    segmentation: str = "auto",
    entity_input: str = "mask",
    window: int = 512,
    overlap: int = 128,
    max_entities: int = 128,
    max_mention_length: int = 30,
    max_batch_items: int = 1024,
    dtype: str = "float32",
    frozen: Union[str, List[str], Tuple[str, ...]] = (),
    mixed_precision: bool = False,
    quantize: Optional[str] = None,
    revision: Optional[str] = None,
    batch_rows: Optional[int] = None,
) -> EncoderModel:
    """Build the encoder: documents and entity spans in, contextual states of wordpieces and entities out.
    Registered as `spacy-mluke.Encoder.v1`.

    The checkpoint is read at first use, or by `initialize`, not when the Model is built.

    name (str): The bundled "mluke-small", a checkpoint directory, the encoder of a component of an installed pipeline,
        such as "xx_mluke_small/mluke_ner", or a hub name such as "studio-ousia/mluke-base".
    visibility (str): What attends to what. "joint": words and entities attend to each other, as in the papers and
        published weights. "isolated": words attend to words, an entity attends to the words and to itself; its state
        then does not depend on the other entities.
    segmentation (str): How text is split into segments around entities before it is tokenized. "published": at every
        span boundary, as the published models were fine-tuned; "pretraining": the same without the extra "▁"; "plain":
        not at all, a span covers every wordpiece that shares a character with it; "auto": "published" with joint
        visibility, "plain" with isolated.
    entity_input (str): The entity at each span. "mask": [MASK]; "kb_id": the entity that the entity vocabulary has for
        the span's `kb_id_` (e.g. "en:Tokyo"), [UNK] for a name that it lacks, [MASK] for a span without `kb_id_`.
    window (int): Maximum number of wordpieces in a sequence, with <s> and </s>. Longer documents are read in windows.
    overlap (int): Wordpieces that neighbouring windows share.
    max_entities (int): Maximum number of entities in a sequence; more go to further sequences. 0 for no limit.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding, from the left.
    max_batch_items (int): Maximum number of wordpieces and entities in one forward pass.
    dtype (str): "float32", "bfloat16", "float16", or "auto": training and saving in float32, and predictions in
        bfloat16 if this processor has units for it and a short check finds it faster. With `quantize`, "auto" is
        float32.
    frozen (Union[str, List[str]]): Parts that are not trained: "word_embeddings", "embeddings", "entity_embeddings",
        "layers:0-5" (from the bottom, the last one included), "all".
    mixed_precision (bool): Whether training multiplies matrices in bfloat16, while weights and everything else stay in
        `dtype`: faster on processors with bfloat16 units, slower on others.
    quantize (Optional[str]): "int8": predictions multiply matrices in eight bits, on the CPU. Training and saving use
        the full weights. None for full precision.
    revision (Optional[str]): Branch, tag or commit of a hub name. None for the latest files. The commit that was read
        is saved with the pipeline.
    batch_rows (Optional[int]): The old name of `max_batch_items`, deprecated.
    RETURNS (EncoderModel): A Model[EncoderRequest, EncoderOutput].
    RAISES (ValueError): ML070 for an unknown choice, ML071, ML310 for values that are not allowed, ML072 for isolated
        visibility with a segmentation that depends on the entities, ML033 for eight bits made from another type than
        float32, ML252 for an unknown part to freeze.
    """
    from ..align.segments import SEGMENTATIONS
    from ..network.config import check_quantization
    from ..network.freezing import check_parts
    from ..network.transformer import VISIBILITIES
    from .layer import make_encoder
    from .shim import EncoderShim

    max_batch_items = take_renamed(
        "spacy-mluke.Encoder.v1", "batch_rows", "max_batch_items", batch_rows, max_batch_items
    )
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
        ("max_batch_items", max_batch_items, 1),
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
        max_batch_items=max_batch_items,
        frozen=check_parts(frozen),
        mixed_precision=mixed_precision,
        quantize=quantize,
        revision=revision,
    )
    return make_encoder(attrs, shim)


def encoder_config() -> Dict[str, Any]:
    """Return the config of an encoder with all defaults: those of `build_encoder_v1`.

    RETURNS (Dict[str, Any]): With `@architectures`; without the old names of options.
    """
    parameters = inspect.signature(build_encoder_v1).parameters.values()
    options = {p.name: list(p.default) if p.default == () else p.default for p in parameters if p.name not in RENAMED}
    return {"@architectures": "spacy-mluke.Encoder.v1", **options}
