"""Errors of exported models (ONNX): ML480 to ML489."""


class OnnxErrors:
    ML480 = (
        "{what} needs {packages}, which cannot be imported. Install what it needs, the extra 'onnx': "
        "pip install onnx onnxruntime."
    )
    ML481 = "'{name}' cannot be exported to ONNX: it {reason}. These components can be exported: {names}."
    ML482 = "The pipeline has no component that can be exported to ONNX. Its components: {reasons}."
    ML483 = (
        "The exported '{graph}' differs from PyTorch by {found:.2g}, more than the tolerance of {limit:.0e}. Nothing "
        "was written. Please report it, with the versions of torch, onnx and onnxruntime."
    )
    ML484 = (
        "'{path}' is not a complete export: {reason}. Write it again: python -m spacy_mluke export-onnx PIPELINE OUT"
    )
    ML485 = "The export has no component {wanted}. It has: {names}."
    ML486 = "The span {found} of text {n} is outside the text, or contains no token. Give first character and end."
    ML487 = (
        "The export has no row for entity {found}: it has {rows}. Export all entities: python -m spacy_mluke "
        "export-onnx PIPELINE OUT --entities all"
    )
    ML488 = "The tokens of a text must rise and not overlap, within its {length} characters. Found: {found}."
    ML489 = "'{path}' contains files that are not of an export. Choose another directory, or an empty one."
