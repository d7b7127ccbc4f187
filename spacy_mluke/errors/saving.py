"""Errors of saving, and of loading what was saved: ML360 and up."""


class SavingErrors:
    ML360 = (
        "'{path}' cannot be written: {reason}. Look for free space and for the rights to write there, or name another "
        "place. What was there before is unchanged."
    )
    ML362 = (
        "'{path}' holds files, and is no saved pipeline: saving would replace them all. Name a folder that is empty or "
        "not there, or a saved pipeline."
    )
    ML363 = (
        "'{path}' and '{name}' were not saved together: the pipeline is a mixture, as an interrupted nlp.to_disk leaves"
        " it. Save it again, with spacy_mluke.save, which cannot leave one, or take a copy that is whole. If you put a "
        "component there yourself, delete '{manifest}'."
    )
    ML364 = (
        "'{path}' cannot be loaded: {reason}. Save or copy the pipeline again. If you changed the file yourself, "
        "delete '{manifest}', the list of files."
    )
    ML365 = (
        "'{path}' says that this component's encoder is that of another one, and it cannot be read: {reason}. Copy the "
        "pipeline as a whole, or save it again; a component that is saved by itself has its own encoder."
    )
