"""Run the workflows of all tasks, one after the other: the workflow `all` of project.yml.

    python -m scripts.workflows.run_all --vars.seed 1

Workflows of project.yml cannot contain workflows, so a command runs them. Options are variables of project.yml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

from weasel.cli.run import project_run
from weasel.util.config import parse_config_overrides

from scripts.workflows.tasks import TASKS


def main(args: List[str]) -> None:
    """Run the workflow of every task in the working directory's project.

    args (List[str]): Variables of the project, as `--vars.NAME VALUE`.
    """
    overrides = parse_config_overrides(list(args))
    for task in TASKS:
        project_run(Path.cwd(), task, overrides=overrides)


if __name__ == "__main__":
    main(sys.argv[1:])
