"""Errors of scored runs and reports: ML270 to ML279."""


class ReportErrors:
    ML270 = "'{path}' cannot be read as a run: {reason}. Runs are written by python -m spacy_mluke score."
    ML271 = (
        "'{name}' has no annotation for the task '{task}', so nothing can be scored. Use the corpus of this task "
        "(see docs/background/results.md), written with store_user_data=True."
    )
    ML272 = "There are no runs in {folders}. Pass folders that python -m spacy_mluke score has written."
    ML273 = "Reports need matplotlib, which is not installed. Install it: pip install matplotlib."
