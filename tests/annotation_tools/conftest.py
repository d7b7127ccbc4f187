"""The tiny checkpoint of the components' tests."""

from tests.pipeline.conftest import tiny_checkpoint

__all__ = ["tiny_checkpoint"]
