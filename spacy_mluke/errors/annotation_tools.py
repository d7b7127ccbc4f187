"""Errors of annotation tools: ML470 to ML476."""


class AnnotationToolErrors:
    ML470 = (
        "{place} cannot be read: {reason}. docs/guides/annotation.md says what each tool must export. Export it again."
    )
    ML471 = (
        "'{text}' in document '{id}' does not begin and end with tokens; the tokens around it are '{tokens}'. Correct "
        "it in the tool, pass the tokenizer with which the documents were exported, or choose another alignment: "
        "expand, contract or strict."
    )
    ML472 = (
        "Task {i} of Label Studio has no text '{key}' in its data. The labelling configuration's <Text> names the key: "
        "it must contain the text itself, not its address."
    )
    ML473 = (
        "The label '{label}' (of '{text}') is reserved: tools show it for heads and tails of relations that are no "
        "entities. Rename the label of your entities."
    )
    ML474 = (
        "Document '{id}' is none of the exported documents: {reason}. Pass the documents that were exported, or none."
    )
    ML475 = (
        "XMI needs dkpro-cassis, which cannot be imported ({reason}). Install it, the extra 'annotation': "
        "pip install dkpro-cassis."
    )
    ML476 = (
        "A labelling configuration for Label Studio needs labels and a text, and {reason}. Make one with "
        "label_studio_config: from a pipeline with labels, or from annotated documents."
    )
