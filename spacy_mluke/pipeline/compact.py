"""Round what training has changed in the encoders of a pipeline, so that the saved pipeline is small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple, Union, cast

import numpy
from spacy.language import Language
from thinc.api import Model
from thinc.util import to_numpy

from ..checkpoint.delta import COMPACT, reason_against_delta
from ..checkpoint.directory import open_checkpoint
from ..encoder.access import compact_encoder, is_encoder, load_model
from ..encoder.inputs import EncoderInput, no_spans
from ..encoder.request import EncoderModel
from ..errors import Errors
from ..errors.checks import check_choice
from ..types import Floats2d

SAMPLE = (
    "Angela Merkel met Tim Cook in Berlin on Monday.",
    "Die Hauptstadt von Frankreich ist Paris.",
    "Столица Японии — Токио.",
    "東京は日本の首都です。",
    "القاهرة عاصمة مصر.",
)


@dataclass(frozen=True)
class CompactedEncoder:
    """What rounding has changed in the encoder of a component."""

    component: str
    largest_change: float  # of a number in the states of the sample's wordpieces
    spread: float  # standard deviation of these numbers, for comparison


def compact(
    nlp: Language,
    storage: str = "q6",
    *,
    base: Union[str, Path] = "mluke-small",
    texts: Sequence[str] = SAMPLE,
) -> List[CompactedEncoder]:
    """Round what training has changed in the encoders of a pipeline, in place. When the pipeline is saved, each encoder
    takes a few megabytes.

    Of each matrix, the difference from the checkpoint before training is rounded; vectors, such as biases, are not.
    Evaluate the pipeline again afterwards.

    nlp (Language): A pipeline.
    storage (str): Bits for each difference: "q4", "q6" or "q8", or "f16" for half precision.
    base (Union[str, Path]): The checkpoint that the encoders were trained from. It must exist wherever the pipeline is
        loaded, in the same place, unless it is the bundled one.
    texts (Sequence[str]): Texts with which the change of the states is measured.
    RETURNS (List[CompactedEncoder]): How much the states of each component with an encoder have changed.
    RAISES (ValueError): ML070 for an unknown storage; ML056 if an encoder was not trained from the base, ML057 if there
        is no encoder. No encoder has changed then.
    """
    check_choice("storage", storage, COMPACT)
    encoders = list(_encoders_of(nlp))
    if not encoders:
        raise ValueError(Errors.ML057.format(names=", ".join(nlp.component_names) or "none"))
    checkpoint = open_checkpoint(base)
    for name, encoder in encoders:
        reason = reason_against_delta(load_model(encoder), checkpoint)
        if reason is not None:
            raise ValueError(Errors.ML056.format(name=name, base=base, reason=reason))
    compacted = []
    for name, encoder in encoders:
        before = _states(nlp, encoder, texts)
        compact_encoder(encoder, storage, base)
        change = numpy.abs(_states(nlp, encoder, texts) - before)
        compacted.append(CompactedEncoder(name, float(change.max(initial=0.0)), float(before.std())))
    return compacted


def _encoders_of(nlp: Language) -> Iterator[Tuple[str, EncoderModel]]:
    """Yield the encoders of all components, also of disabled ones: those are saved as well."""
    for name, pipe in nlp.components:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            for layer in filter(is_encoder, model.walk()):
                yield name, layer


def _states(nlp: Language, encoder: EncoderModel, texts: Sequence[str]) -> Floats2d:
    docs = [nlp.make_doc(text) for text in texts]
    output: Any = encoder.predict(EncoderInput(docs, no_spans(len(docs))))
    return cast(Floats2d, to_numpy(output.piece_states))
