"""The tiny checkpoints of the components' tests."""

from tests.pipeline.conftest import steady_checkpoint, tiny_checkpoint

__all__ = ["steady_checkpoint", "tiny_checkpoint"]
