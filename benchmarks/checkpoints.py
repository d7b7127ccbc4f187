"""Make checkpoints to measure with: random ones of mluke-base's size, and exports of mluke-small."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Sequence

SIZES = {
    "base": {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
    "small": {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536},
}
ENTITY_VOCAB = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}


def luke_directory(size: str, cache: Path) -> Path:
    """Return a checkpoint directory in the format of transformers, made once.

    size (str): "base": random weights of mluke-base's size with four entities; "small": mluke-small in float32.
    cache (Path): Folder for checkpoints.
    RETURNS (Path): The directory.
    """
    path = cache / f"luke-{size}"
    if (path / "done").exists():
        return path
    shutil.rmtree(path, ignore_errors=True)
    if size == "small":
        from spacy_mluke.checkpoint.huggingface import export_huggingface
        from spacy_mluke.checkpoint.load import load_encoder

        export_huggingface(load_encoder("mluke-small"), path)
    else:
        import torch
        from transformers import LukeConfig, LukeModel

        torch.manual_seed(0)
        config = LukeConfig(
            vocab_size=250004,
            entity_vocab_size=len(ENTITY_VOCAB),
            entity_emb_size=256,
            num_hidden_layers=12,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            use_entity_aware_attention=False,
            **SIZES[size],
        )
        LukeModel(config).save_pretrained(path)
        shutil.copy(sentencepiece_model(), path / "sentencepiece.bpe.model")
        (path / "entity_vocab.json").write_text(json.dumps(ENTITY_VOCAB), encoding="utf8")
    (path / "done").touch()
    return path


def with_head(size: str, cache: Path, architecture: str, labels: Sequence[str] = ()) -> Path:
    """Return a checkpoint directory with a random head, in the format of transformers, made once.

    size (str): "base" or "small", as for `luke_directory`.
    cache (Path): Folder for checkpoints.
    architecture (str): The reference's class, such as "LukeForEntityPairClassification".
    labels (Sequence[str]): The head's labels, if it has any.
    RETURNS (Path): The directory.
    """
    # A checkpoint for each set of labels.
    path = cache / f"{architecture}-{size}-{zlib.crc32(json.dumps(list(labels)).encode()):08x}"
    if (path / "done").exists():
        return path
    shutil.rmtree(path, ignore_errors=True)
    import torch
    import transformers

    source = luke_directory(size, cache)
    torch.manual_seed(1)
    options = {"num_labels": len(labels), "id2label": dict(enumerate(labels))} if labels else {}
    model = getattr(transformers, architecture).from_pretrained(source, **options)
    for name, parameter in model.named_parameters():
        if name.startswith(("classifier.", "qa_outputs.")):
            # With a new head's small weights, all labels would have nearly the same score.
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(path)
    for name in ("sentencepiece.bpe.model", "entity_vocab.json"):
        shutil.copy(source / name, path / name)
    (path / "done").touch()
    return path


def xlmr_directory(size: str, cache: Path) -> Path:
    """Return a directory with a random XLM-R of the same size and its fast tokenizer, made once.

    size (str): "base" or "small".
    cache (Path): Folder for checkpoints.
    RETURNS (Path): The directory.
    """
    path = cache / f"xlmr-{size}"
    if (path / "done").exists():
        return path
    shutil.rmtree(path, ignore_errors=True)
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=250002,
        num_hidden_layers=12,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        **SIZES[size],
    )
    XLMRobertaModel(config).save_pretrained(path)
    XLMRobertaTokenizerFast(vocab_file=str(sentencepiece_model())).save_pretrained(path)
    (path / "done").touch()
    return path


def sentencepiece_model() -> Path:
    """Return the bundled vocabulary, which is XLM-R's."""
    import spacy_mluke

    return Path(spacy_mluke.__file__).parent / "assets" / "mluke-small" / "sentencepiece.bpe.model"
