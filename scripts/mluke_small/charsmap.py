"""Rebuild XLM-R's character normalization, in the compiled format of sentencepiece models.

XLM-R was trained with sentencepiece's `nmt_nfkc` rules of 2019. Today's rules follow a newer version of Unicode: they
map 173 more characters, and no longer map U+200D to a space. The base model contains XLM-R's rules for single
characters only. Rules for sequences (a letter and its accents, the parts of a Hangul syllable) are those of the
installed sentencepiece, without the characters that Unicode has added since.
"""

from __future__ import annotations

import importlib.resources
import io
import tempfile
from pathlib import Path
from typing import Dict, Iterator

import numpy as np
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

# Ranges of composed characters added after Unicode 11, the version of XLM-R's rules: (first, last).
_NEWER_COMPOSITIONS = (
    (0x105C9, 0x105C9),
    (0x105E4, 0x105E4),
    (0x11383, 0x11391),
    (0x113C5, 0x113C8),
    (0x11938, 0x11938),
    (0x16121, 0x16128),
    (0x16D68, 0x16D6A),
)


def installed_rules() -> Dict[str, str]:
    """Return the normalization rules of the installed sentencepiece.

    RETURNS (Dict[str, str]): Replacements, by character or sequence of characters.
    """
    data = importlib.resources.files(sentencepiece).joinpath("package_data", "nmt_nfkc.bin").read_bytes()
    return decode_charsmap(data)


def decode_charsmap(data: bytes) -> Dict[str, str]:
    """Return the rules of a compiled map: a double-array trie, then the replacements, each terminated by a zero.

    data (bytes): Content of `normalizer_spec.precompiled_charsmap`.
    RETURNS (Dict[str, str]): Replacements, by character or sequence of characters.
    """
    trie_bytes = int.from_bytes(data[:4], "little")
    units = np.frombuffer(data, "<u4", trie_bytes // 4, 4)
    replacements = data[4 + trie_bytes :]
    return {
        key.decode("utf8"): replacements[start : replacements.index(b"\0", start)].decode("utf8")
        for key, start in _walk(units)
    }


def _walk(units: np.ndarray) -> Iterator[tuple[bytes, int]]:
    """Yield the keys of a Darts-clone double array with their values, level by level of the trie."""
    labels = units & np.uint32(0x800000FF)
    offsets = (units >> np.uint32(10)) << ((units & np.uint32(1 << 9)) >> np.uint32(6))
    has_value = (units >> np.uint32(8)) & np.uint32(1) == 1
    children = np.arange(1, 256, dtype="u4")
    keys = [b""]
    bases = offsets[:1]
    while keys:
        targets = bases[:, None] ^ children
        inside = targets < len(units)
        found = inside & (labels[np.where(inside, targets, 0)] == children)
        parents, columns = np.nonzero(found)
        nodes = targets[parents, columns]
        keys = [keys[parent] + bytes([column + 1]) for parent, column in zip(parents, columns, strict=True)]
        bases = nodes ^ offsets[nodes]
        for row in np.flatnonzero(has_value[nodes]):
            yield keys[row], int(units[bases[row]] & np.uint32(0x7FFFFFFF))


def xlmr_rules(characters: Dict[str, str]) -> Dict[str, str]:
    """Return XLM-R's complete normalization rules.

    characters (Dict[str, str]): XLM-R's rules for single characters.
    RETURNS (Dict[str, str]): These rules, and those for sequences.
    """
    installed = installed_rules()
    newer = {chr(code) for first, last in _NEWER_COMPOSITIONS for code in range(first, last + 1)}
    newer.update(key for key in installed if len(key) == 1 and key not in characters)
    sequences = {key: value for key, value in installed.items() if len(key) > 1 and newer.isdisjoint(key + value)}
    return {**characters, **sequences}


def compile_charsmap(rules: Dict[str, str]) -> bytes:
    """Compile rules with sentencepiece's trainer; the training corpus does not matter.

    rules (Dict[str, str]): Replacements, by character or sequence of characters.
    RETURNS (bytes): Content for `normalizer_spec.precompiled_charsmap`.
    """
    lines = [f"{_as_hex(key)}\t{_as_hex(value)}\n" for key, value in sorted(rules.items())]
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text("".join(lines), encoding="ascii")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g"] * 100),
            model_writer=model,
            vocab_size=12,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(path),
            minloglevel=2,
        )
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())  # type: ignore[attr-defined]
    return bytes(proto.normalizer_spec.precompiled_charsmap)


def _as_hex(text: str) -> str:
    return " ".join(f"{ord(char):X}" for char in text)
