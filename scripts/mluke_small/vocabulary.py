"""Build the vocabulary files: sentencepiece model, markers and special entities."""

from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np
from sentencepiece import sentencepiece_model_pb2

from scripts.mluke_small.charsmap import compile_charsmap, xlmr_rules

MASK = "<mask>"
MARKERS = {"<ent>": 250002, "<ent2>": 250003}
# As in the published "lite" checkpoints.
SPECIAL_ENTITIES = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
_SPECIAL_PIECES = 4  # <s>, <pad>, </s>, <unk> lead XLM-R's ids


def build_sentencepiece(pieces: Sequence[str], scores: np.ndarray, rules: Dict[str, str]) -> bytes:
    """Rebuild XLM-R's sentencepiece model.

    Ids of the model are XLM-R's ids minus one: the model has neither <pad> nor <mask>, and <unk> comes first.

    pieces (Sequence[str]): Pieces by XLM-R's ids, <mask> last.
    scores (np.ndarray): Log-probabilities of the pieces. Shape: (n_pieces,), float32.
    rules (Dict[str, str]): Normalization of single characters.
    RETURNS (bytes): The model file.
    RAISES (ValueError): If the special pieces do not have XLM-R's ids.
    """
    if list(pieces[:_SPECIAL_PIECES]) != ["<s>", "<pad>", "</s>", "<unk>"] or pieces[-1] != MASK:
        raise ValueError("The special pieces of the base model do not have XLM-R's ids.")
    proto: Any = sentencepiece_model_pb2  # generated at run time, so mypy does not see its content
    model = proto.ModelProto()
    kinds = proto.ModelProto.SentencePiece
    for special, kind in (("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)):
        model.pieces.add(piece=special, score=0.0, type=kind)
    for piece, score in zip(pieces[_SPECIAL_PIECES:-1], scores[_SPECIAL_PIECES:-1], strict=True):
        model.pieces.add(piece=piece, score=float(score))
    trainer = model.trainer_spec
    trainer.model_type = proto.TrainerSpec.UNIGRAM
    trainer.vocab_size = len(model.pieces)
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = 0, 1, 2, -1
    normalizer = model.normalizer_spec
    normalizer.name = "nmt_nfkc"
    normalizer.precompiled_charsmap = compile_charsmap(xlmr_rules(rules))
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    return bytes(model.SerializeToString(deterministic=True))
