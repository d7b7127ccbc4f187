"""The classes `Errors` and `Warnings`: the messages of all files in this folder, each with its code."""

from __future__ import annotations

from typing import Any

from .align import AlignErrors
from .annotation_tools import AnnotationToolErrors
from .bulk import BulkErrors
from .checkpoint import CheckpointErrors
from .cli import CliErrors
from .encoder import EncoderErrors
from .graph import GraphErrors
from .kb import KnowledgeBaseErrors
from .onnx import OnnxErrors
from .options import OptionErrors
from .pipeline import PipelineErrors
from .publishing import PublishingErrors
from .rendering import RenderingErrors
from .report import ReportErrors
from .search import SearchErrors
from .serve import ServeErrors
from .storage import StorageErrors
from .training import TrainingErrors
from .vocabulary import VocabularyErrors
from .warnings import AllWarnings


class ErrorsWithCodes(type):
    """Put the code before each message, as spaCy's class of this name does.

    spaCy's class is not imported: it imports torch, which takes seconds, and command lines only need messages.
    """

    def __getattribute__(cls, code: str) -> Any:
        message = super().__getattribute__(code)
        return message if code.startswith("__") else f"[{code}] {message}"


class Errors(
    AlignErrors,
    EncoderErrors,
    CheckpointErrors,
    VocabularyErrors,
    PipelineErrors,
    KnowledgeBaseErrors,
    TrainingErrors,
    RenderingErrors,
    ReportErrors,
    BulkErrors,
    SearchErrors,
    PublishingErrors,
    ServeErrors,
    AnnotationToolErrors,
    GraphErrors,
    OnnxErrors,
    OptionErrors,
    CliErrors,
    StorageErrors,
    metaclass=ErrorsWithCodes,
):
    """All errors."""


class Warnings(AllWarnings, metaclass=ErrorsWithCodes):
    """All warnings."""
