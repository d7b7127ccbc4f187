"""The vocabularies and reference tokenizers of the tokenization tests."""

from tests.tokenization.conftest import byte_level, luke_tokenizer, mluke_tokenizer, wordpieces

__all__ = ["byte_level", "luke_tokenizer", "mluke_tokenizer", "wordpieces"]
