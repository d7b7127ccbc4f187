"""Train tiny wordpiece vocabularies of both kinds."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import List, Sequence

from spacy_mluke.tokenization.vocabulary_files import MERGES, SENTENCEPIECE, VOCAB

from .texts import WORDS

_TEXT = [*WORDS, "Tokyo is the capital of Japan and Paris is the capital of France .", "東京は日本の首都である。"]


def save_sentencepiece(folder: Path) -> Path:
    """Train a sentencepiece model of a few hundred pieces.

    folder (Path): Folder for sentencepiece.bpe.model.
    RETURNS (Path): The folder.
    """
    from sentencepiece import SentencePieceTrainer

    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    # With sentences and single words, the vocabulary has pieces of whole words and of single characters.
    lines: List[str] = [" ".join(WORDS[i : i + 7]) for i in range(0, len(WORDS), 5)] + _TEXT
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 3),
        model_writer=model,
        vocab_size=600,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    (folder / SENTENCEPIECE).write_bytes(model.getvalue())
    return folder


def save_byte_level(folder: Path, texts: Sequence[str] = (" ".join(WORDS),)) -> Path:
    """Train a byte-level BPE vocabulary of a few hundred pieces.

    folder (Path): Folder for vocab.json and merges.txt.
    texts (Sequence[str]): Texts to train on.
    RETURNS (Path): The folder.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts] * 20, trainer)
    tokenizer.model.save(str(folder))
    assert (folder / VOCAB).is_file() and (folder / MERGES).is_file()
    return folder


def count_ids(folder: Path) -> int:
    """Return the number of rows of an embedding table for a vocabulary, including markers.

    folder (Path): The folder.
    RETURNS (int): The number of rows.
    """
    if (folder / VOCAB).is_file():
        return len(json.loads((folder / VOCAB).read_text(encoding="utf8"))) + 2
    from sentencepiece import SentencePieceProcessor

    # <pad> at the start; <mask>, <ent> and <ent2> at the end.
    return len(SentencePieceProcessor(model_file=str(folder / SENTENCEPIECE))) + 4
