"""Errors of files that strangers may have made: ML330 to ML339."""


class FileErrors:
    ML330 = (
        "The saved bytes name a file that is not written: {name}, {reason}. A name is relative, with plain parts "
        "between slashes, so that nothing is written outside the component's folder. Get the bytes again from someone "
        "you trust."
    )
    ML331 = "These bytes are not a saved component: {reason}. Pass what to_bytes() returned, whole."
