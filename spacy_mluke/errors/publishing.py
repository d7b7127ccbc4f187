"""Errors of publishing pipelines: ML405 to ML408."""


class PublishingErrors:
    ML405 = "'{path}' exists already. Pass --force to replace it, or --output for another file."
    ML406 = (
        "'{path}' cannot be published: {reason}. Pass the directory of a saved pipeline (nlp.to_disk), or the name of "
        "an installed package."
    )
    ML407 = (
        "'{path}' has no README.md, which the hub shows as the page of the model. Write one: python -m spacy_mluke "
        "card {path}"
    )
    ML408 = (
        "'{repo}' cannot be written to: {reason}. The name has the form OWNER/NAME. Log in first (hf auth login), or "
        "set HF_TOKEN to a token that may write."
    )
