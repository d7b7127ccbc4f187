"""Every message of the package, coded. Errors are ML0xx, warnings ML1xx.

Errors by place: ML001 alignment, ML020 encoder, ML040 checkpoints, ML060 entities, ML070 pipeline, ML090 command line.
"""

import difflib
from typing import Iterable

from spacy.errors import ErrorsWithCodes


class Errors(metaclass=ErrorsWithCodes):
    # --- align ---
    ML001 = (
        "Spans of document {n} do not belong to it: {bounds} does not fit its {length} tokens. "
        "Take spans from the Doc that you pass in."
    )
    # --- encoder ---
    ML035 = (
        "'{path}' cannot be read as quantized weights: {reason}. Copy the file again from where it came from, or build "
        "it again: an interrupted download leaves a shorter file."
    )
    ML036 = (
        "'{name}' in '{path}' is stored as '{storage}'; known are: {known}. If a newer spacy-mluke wrote the file, "
        "upgrade this one."
    )
    ML037 = (
        "'{name}' in '{path}' is not what '{storage}' says: found {found}. The file does not belong to this checkpoint, "
        "or is damaged: copy it again."
    )
    ML038 = (
        "'{name}' of shape {shape} cannot be stored as '{storage}': that takes a matrix, for 'q4' with a multiple of 32 "
        "columns. Store it as 'f16' or 'f32'."
    )
    ML039 = (
        "This pickle refers to the word table '{path}' of the package it was made with, and the one here is missing or "
        "another. Install the same version of spacy-mluke, or pass the pipeline on with nlp.to_disk()."
    )
    # --- checkpoints ---
    # --- entities ---
    # --- pipeline ---
    ML070 = "'{value}' is not a value for '{option}'. Choose from: {choices}.{hint}"
    ML071 = "'{option}' is {value}; it must be at least {least}."
    ML072 = (
        "visibility = \"isolated\" promises that an entity's vector does not depend on the other entities, but "
        "segmentation = \"{segmentation}\" cuts the text at all of them. Use segmentation = \"plain\" or \"auto\"."
    )
    ML073 = (
        "Component '{listener}' listens to '{name}', which keeps no token states. Set keep_token_states = true in "
        "[components.{name}]."
    )
    ML074 = (
        "The suggester gave {n} lengths for {n_docs} documents and {rows} spans for lengths that sum to {total}. It must "
        "return a Ragged with one length per document and a (start, end) row per span."
    )
    # --- command line ---


class Warnings(metaclass=ErrorsWithCodes):
    ML101 = (
        "{n} of {total} spans hold no wordpiece (only whitespace, or characters that the vocabulary's "
        "normalizer removes) and have no vector: span._.mluke_vector is None for them."
    )
    ML102 = (
        "{n} of {total} spans are longer than {limit} wordpieces: their entity stands on their first {limit} "
        "wordpieces, as in the published models ('max_mention_length')."
    )


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """The end of a message about a name that is not one of several.

    value (object): What was given.
    choices (Iterable[str]): What there is.
    RETURNS (str): " Did you mean 'x'?", or "" if nothing is near.
    """
    near = difflib.get_close_matches(str(value), list(choices), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""
