"""Models without PyTorch and spaCy: exports a pipeline as ONNX graphs, and runs them with onnxruntime.

`export.py` writes a folder, and `runner.py` runs it. The runner needs numpy, onnxruntime and sentencepiece alone.
"""

from .runner import OnnxPipeline
from .texts import TokenizedText

__all__ = ["OnnxPipeline", "TokenizedText"]
