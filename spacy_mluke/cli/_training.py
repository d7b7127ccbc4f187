"""What `train` and `pretrain` share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict

if TYPE_CHECKING:
    from ..training.team import Team


def run_training(
    config: Path, output: Path, overrides: Dict[str, Any], *, resume: bool, every: int, gpu_id: int
) -> Team:
    """Train a pipeline, from its config or from the state of an interrupted training.

    config (Path): The config.
    output (Path): Directory for model-best, model-last and the state.
    overrides (Dict[str, Any]): Settings in place of the config's, by dotted name.
    resume (bool): Whether to go on from the last state, if there is one.
    every (int): Steps between states; 0 for as many as between evaluations.
    gpu_id (int): GPU, -1 for none. Of several processes, each takes the one of its own number.
    RETURNS (Team): The processes that have trained.
    """
    from spacy.cli._util import setup_gpu, show_validation_error
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config, load_model
    from wasabi import msg

    from ..training.resumable import train as train_resumably
    from ..training.settings import changed_settings
    from ..training.state import FOLDER, find_state, pipeline_path
    from ..training.team import Team
    from ._common import coded_errors

    with coded_errors():
        team = Team.join(use_gpu=gpu_id)
    if gpu_id >= 0 and team.size > 1:
        gpu_id = int(os.environ.get("LOCAL_RANK", gpu_id))
    setup_gpu(gpu_id, silent=not team.is_first)
    output.mkdir(parents=True, exist_ok=True)
    found = find_state(output / FOLDER)
    team.wait()
    if found is not None and not resume and team.is_first:
        msg.warn("An interrupted training is begun anew", "Pass --resume to go on with it instead.")
    with coded_errors():
        with show_validation_error(config):
            loaded = load_config(config, overrides=overrides, interpolate=False)
        if found is not None and resume:
            saved = load_config(pipeline_path(found) / "config.cfg")
            nlp = load_model(pipeline_path(found), config=changed_settings(loaded, saved, found))
            if team.is_first:
                msg.info(f"Going on from {found}")
        else:
            with show_validation_error(config, hint_fill=False):
                nlp = init_nlp(loaded, use_gpu=gpu_id)
        if team.is_first:
            several = f" ({team.size} processes, each with its share of a batch)" if team.size > 1 else ""
            msg.info(f"Pipeline: {', '.join(nlp.pipe_names)}{several}")
        train_resumably(nlp, output, resume=resume, every=every or None, use_gpu=gpu_id, team=team)
    return team
