"""The vocabulary of the tokenization tests."""

from tests.tokenization.conftest import wordpieces

__all__ = ["wordpieces"]
