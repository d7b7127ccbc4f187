"""A process that prepares a measurement, and then runs it whenever it is told to: `Worker` starts it, `serve` is its
loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from wasabi import msg

Figures = Dict[str, Any]


class Worker:
    """A process that runs a measurement, in this Python environment.

    arguments (Sequence[object]): Arguments of Python: a script or `-m` and a module, and its arguments.
    cwd (Optional[Path]): Folder to run in.
    env (Optional[Mapping[str, str]]): Environment variables; None for those of this process.
    """

    def __init__(
        self, arguments: Sequence[object], *, cwd: Optional[Path] = None, env: Optional[Mapping[str, str]] = None
    ):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.prepared = self._read()  # what the process prints when it is ready

    def run(self) -> Figures:
        """Run the measurement once.

        RETURNS (Figures): What the process prints.
        """
        assert self.process.stdin is not None
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Figures:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            msg.fail(f"The process ended with exit code {self.process.wait()}", exits=1)
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def serve(prepare: Callable[[], Tuple[Figures, Callable[[], Figures]]]) -> None:
    """Be the process of a `Worker`: prepare, then run once for each line of the standard input.

    prepare (Callable): Returns the figures of the preparation, and the function to run.
    """
    # Libraries may print: figures go to the original standard output, everything else to the standard error.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    figures, run = prepare()
    print(json.dumps(figures), file=output, flush=True)
    for _ in sys.stdin:
        print(json.dumps(run()), file=output, flush=True)
