"""Functions that run in processes of their own. This module imports nothing that they have not imported yet."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path


def pipe_after_threads(pipeline: Path, target: Path) -> None:
    """Annotate in two forked processes after two threads have computed. Write the number of threads and shapes."""
    import spacy
    import torch

    multiprocessing.set_start_method("fork", force=True)
    torch.set_num_threads(2)
    nlp = spacy.load(pipeline)
    texts = ["Tokyo is the capital of Japan", "", "Paris"] * 4
    nlp(" ".join(texts) * 20)
    n_threads = torch.get_num_threads()
    docs = list(nlp.pipe(texts, n_process=2, batch_size=2))
    shapes = [doc._.mluke.token_vectors.shape[0] for doc in docs]
    target.write_text(json.dumps([n_threads, *shapes]), encoding="utf8")
