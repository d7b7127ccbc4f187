"""The sizes and options of an encoder: the content of a Hugging Face config.json, checked."""

from __future__ import annotations

import difflib
import json
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Dict, List, Optional

from ..errors import Errors, check_choice, did_you_mean

MODEL_TYPE = "luke"
QUANTIZATIONS = ("int8",)
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu")
_COUNTS = (
    "vocab_size",
    "entity_vocab_size",
    "hidden_size",
    "entity_emb_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_PROBABILITIES = ("hidden_dropout_prob", "attention_probs_dropout_prob")
# Similarity with a known key from which on an unknown key counts as mistyped. Of the keys that transformers writes, the
# most similar one is sep_token_id: 0.83 with pad_token_id.
_TYPO = 0.86
# Above every size of an encoder: a larger number means a damaged file.
_LARGEST = 1 << 40
_MAX_KEYS = 1000
_SHOWN = 80  # characters of a wrong value


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes and options of an encoder, under the names of Hugging Face's LukeConfig.

    Options that decide the shape or the meaning of a weight have no default: a config without them is damaged.

    RAISES (ValueError): ML024, ML026 for invalid values.
    """

    vocab_size: int
    entity_vocab_size: int
    hidden_size: int
    entity_emb_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    use_entity_aware_attention: bool
    pad_token_id: int = 1  # word positions start one above it
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    extra: Dict[str, Any] = field(default_factory=dict)  # keys that the encoder does not use: id2label...

    def __post_init__(self) -> None:
        for key in (*_COUNTS, "pad_token_id"):
            least = 0 if key == "pad_token_id" else 1
            self._check(key, int, at_least=least, below=_LARGEST)
        for key in _PROBABILITIES:
            self._check(key, float, at_least=0, below=1)
        self._check("layer_norm_eps", float, at_least=0)
        self._check("initializer_range", float, at_least=0)
        if not isinstance(self.use_entity_aware_attention, bool):
            self._refuse("use_entity_aware_attention", "true or false")
        if self.pad_token_id + 1 >= self.max_position_embeddings:
            self._refuse("max_position_embeddings", f"more than 'pad_token_id' + 1 = {self.pad_token_id + 1}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(Errors.ML026.format(width=self.hidden_size, heads=self.num_attention_heads))
        if self.hidden_act not in ACTIVATIONS:
            self._refuse("hidden_act", f"one of {', '.join(ACTIVATIONS)}")

    def _check(self, key: str, kind: type, *, at_least: float, below: float = float("inf")) -> None:
        value = getattr(self, key)
        kinds = (int, float) if kind is float else (int,)
        # A bool is an int in Python, but not a number in JSON. NaN fails both comparisons.
        fits = isinstance(value, kinds) and not isinstance(value, bool) and at_least <= value < below
        if not fits:
            what = "a whole number" if kind is int else "a number"
            limit = f" and below {below:g}" if below != float("inf") else ""
            self._refuse(key, f"{what} of at least {at_least:g}{limit}")

    def _refuse(self, key: str, wanted: str) -> None:
        found = json.dumps(getattr(self, key), default=repr)
        found = found if len(found) <= _SHOWN else found[:_SHOWN] + "..."
        raise ValueError(Errors.ML024.format(key=key, found=found, wanted=wanted))

    @property
    def head_size(self) -> int:
        """Width of an attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def max_pieces(self) -> int:
        """Maximum number of wordpieces of a sequence, <s> and </s> included."""
        return self.max_position_embeddings - self.pad_token_id - 1

    @classmethod
    def from_dict(cls, content: Dict[str, Any]) -> EncoderConfig:
        """Create a config from the content of a config.json.

        content (Dict[str, Any]): The content; it is not changed.
        RETURNS (EncoderConfig): The config. Unknown keys are kept in `extra`.
        RAISES (ValueError): ML021 if it is not a JSON object, ML022 for a model of another type, ML023 for missing
            keys, ML024, ML026 for invalid values, ML025 for a key that seems to be mistyped.
        """
        if not isinstance(content, dict):
            raise ValueError(Errors.ML021.format(found=type(content).__name__))
        if len(content) > _MAX_KEYS:
            raise ValueError(Errors.ML021.format(found=f"one of {len(content):,} keys"))
        known = _known_keys()
        _check_typos(content, known)
        family = content.get("model_type")
        if family != MODEL_TYPE:
            raise ValueError(Errors.ML022.format(found=json.dumps(family, default=repr)))
        missing = [key for key, required in known.items() if required and key not in content]
        if missing:
            hint = did_you_mean(missing[0], [key for key in content if key not in known])
            raise ValueError(Errors.ML023.format(missing=", ".join(missing), hint=hint))
        extra = {key: value for key, value in content.items() if key not in known and key != "model_type"}
        return cls(**{key: content[key] for key in known if key in content}, extra=extra)

    def to_dict(self) -> Dict[str, Any]:
        """Return the content of a config.json. `from_dict` creates an equal config from it.

        RETURNS (Dict[str, Any]): All keys, those in `extra` included.
        """
        own = {key: getattr(self, key) for key in _known_keys()}
        return {**self.extra, "model_type": MODEL_TYPE, **own}


def _known_keys() -> Dict[str, bool]:
    """Return the keys that the encoder uses, and whether each is required."""
    return {f.name: f.default is MISSING for f in fields(EncoderConfig) if f.name != "extra"}


def _check_typos(content: Dict[str, Any], known: Dict[str, bool]) -> None:
    # A mistyped optional key would otherwise be kept as an unknown key, and its default used without a message.
    names: List[str] = [*known, "model_type"]
    for key in content:
        if key in names:
            continue
        near = difflib.get_close_matches(str(key), names, n=1, cutoff=_TYPO)
        if near:
            raise ValueError(Errors.ML025.format(key=key, known=near[0]))


def weights_dtype(dtype: str) -> str:
    """Return the type of an encoder's weights.

    dtype (str): The encoder's option: a type, or "auto".
    RETURNS (str): The type; "float32" for "auto", which concerns predictions alone.
    """
    return "float32" if dtype == "auto" else dtype


def check_quantization(kind: Optional[str], dtype: str = "float32") -> None:
    """Check that an encoder can be quantized.

    kind (Optional[str]): "int8", or None for no quantization.
    dtype (str): The encoder's option: a type, or "auto".
    RAISES (ValueError): ML070 for another kind, ML033 if the weights are not in float32.
    """
    if kind is not None:
        check_choice("quantize", kind, QUANTIZATIONS)
        if weights_dtype(dtype) != "float32":
            raise ValueError(Errors.ML033.format(quantize=kind, dtype=dtype))
