"""Load the pipeline that processes documents."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import spacy
from spacy.language import Language

from ..errors import Errors
from ..pipeline.load import load
from ..pipeline.quantize import quantize
from ..pipeline.ready_made import NAME
from .unreadable import message_of


def load_pipeline(
    name: Optional[str], *, gpu_id: int = -1, threads: int = 0, quantization: Optional[str] = None
) -> Language:
    """Load a pipeline on a device.

    name (Optional[str]): Its directory, or the name of its package; "xx_mluke_small" for
        `spacy_mluke.load(questions=True)`, None for the same with `cloze=True` and with a `mluke` that is disabled.
    gpu_id (int): The GPU; -1 for the CPU.
    threads (int): Number of torch's threads; 0 for torch's default.
    quantization (Optional[str]): "int8" for encoders that predict in eight bits.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML350 if it cannot be loaded.
    """
    try:
        if gpu_id >= 0:
            spacy.require_gpu(gpu_id)
        if threads:
            import torch

            torch.set_num_threads(threads)
        if name is None or (name == NAME and not Path(name).is_dir()):
            nlp = load(questions=True, cloze=name is None, vectors=name is None)
        else:
            nlp = spacy.load(name)
        if quantization is not None:
            quantize(nlp, quantization)
        if name is None:
            nlp.disable_pipe("mluke")
        return nlp
    except Exception as error:
        if str(error).startswith("[ML"):
            raise
        raise ValueError(Errors.ML350.format(pipeline=name, reason=message_of(error))) from error
