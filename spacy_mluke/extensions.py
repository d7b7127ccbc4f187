"""The table of Doc and Span extension attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Type, cast

from spacy.tokens import Doc, Span
from thinc.api import get_current_ops

from .annotate.answers import get_answers, get_questions, set_answers, set_questions
from .annotate.entity_types import get_types
from .annotate.fillers import get_fillers, set_fillers
from .annotate.links import get_candidates
from .annotate.relations import get_relations, set_relations
from .annotate.states import EntityStates, piece_view, records
from .annotate.trf_data import choose_data, set_other_data
from .encoder.trf_data import empty_data, transformer_data
from .types import Floats1d

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData


def get_states(doc: Doc) -> Optional[EntityStates]:
    """Return the states of a document that `mluke` has encoded, else None: `doc._.mluke`."""
    return EntityStates(doc) if records(doc) else None


def get_vector(span: Span) -> Optional[Floats1d]:
    """Return the vector of an encoded span, (width,) float32, else None: `span._.mluke_vector`."""
    return EntityStates(span.doc).vector(span)


def get_trf_data(doc: Doc) -> Optional[TransformerData]:
    """Return the data of the last transformer: `doc._.trf_data`.

    For `mluke` this is a view of the stored states. So states are saved once, and such documents can be joined and
    saved as usual.
    """
    return choose_data(doc, _view_states)


def _view_states(doc: Doc) -> Optional[TransformerData]:
    if not records(doc):
        return None
    pieces = piece_view(doc)
    if pieces is None or not len(doc):
        return empty_data() if not len(doc) else None
    states: Any = get_current_ops().asarray(cast(Any, pieces.states))
    return transformer_data(states, pieces.ids, pieces.strings, pieces.token_bounds)


def set_trf_data(doc: Doc, value: Optional[TransformerData]) -> None:
    """Store the data that another component assigns to `doc._.trf_data`."""
    set_other_data(doc, value)


EXTENSIONS: Dict[Tuple[Type, str], Dict[str, Any]] = {
    (Doc, "mluke"): {"getter": get_states},
    (Doc, "trf_data"): {"getter": get_trf_data, "setter": set_trf_data},
    (Doc, "mluke_annotated_labels"): {"default": None},
    (Doc, "mluke_questions"): {"getter": get_questions, "setter": set_questions},
    (Doc, "mluke_answers"): {"getter": get_answers, "setter": set_answers},
    (Doc, "mluke_fillers"): {"getter": get_fillers, "setter": set_fillers},
    (Doc, "mluke_relations"): {"getter": get_relations, "setter": set_relations},
    (Span, "mluke_candidates"): {"getter": get_candidates},
    (Span, "mluke_vector"): {"getter": get_vector},
    (Span, "mluke_types"): {"getter": get_types},
}


def install_extensions() -> None:
    """Register the attributes of Doc and Span, such as `doc._.mluke_relations`.

    Components, readers and `load` do it. Call it to read documents that another process has annotated. Attributes that
    are registered already stay as they are.
    """
    for (owner, name), arguments in EXTENSIONS.items():
        if not owner.has_extension(name) or owner.get_extension(name)[2] is not arguments.get("getter"):
            owner.set_extension(name, force=True, **arguments)
