"""Errors of the command line and of what it needs: ML090 to ML099, ML320 to ML329, ML390 to ML394, ML412."""


class CliErrors:
    ML090 = (
        "The text does not contain '{mention}'. Give a mention by its exact words, or by its character offsets, as "
        "START:END."
    )
    ML091 = "'{path}' is not an empty directory. Choose another one, or pass --force to replace files in it."
    ML092 = "'{path}' is the checkpoint to convert. Choose another directory for the output."
    ML320 = "'{path}' cannot be read or written: {reason}."
    ML321 = "{what} is not UTF-8 text ({reason}). Convert it first, for instance: iconv -f latin1 -t utf8 OLD > NEW"
    ML322 = "The input is nested too deeply to be read. Look for brackets that are never closed."
    ML323 = (
        "'{path}' already contains {what}. Choose another directory, or pass --force to start again and replace "
        "it{hint}."
    )
    ML324 = (
        "'{path}' cannot be read as a corpus: {reason}. It must be a file that DocBin.to_disk wrote: write it again, "
        "or copy it again."
    )
    ML325 = "'{path}' has no .spacy file. Pass one, or a directory of them, as DocBin.to_disk writes them."
    ML326 = (
        "GPU {gpu} cannot be used: {reason}. Pass --gpu-id -1 to use the CPU, or install what spaCy needs for GPUs: "
        "https://spacy.io/usage#gpu"
    )
    ML327 = (
        "This needs spacy-transformers, which cannot be imported ({reason}). Install it, with a version of "
        "transformers that it supports: pip install spacy-transformers. Everything else works without it: doc._.mluke "
        "has the token states, and components with spacy-mluke.Encoder.v1 need no listener."
    )
    ML328 = "'{name}' is not a mluke_ner, and only these can be pruned. The pipeline has: {names}."
    ML329 = "'{name}' cannot be exported: it {reason}. These components can be exported: {names}."
    ML412 = (
        "The config has no setting '{name}', so it would change nothing.{hint} Its settings in [{section}]: {names}."
    )
