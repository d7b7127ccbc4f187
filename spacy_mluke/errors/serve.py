"""Errors of the server: ML435 to ML449, ML490."""


class ServeErrors:
    ML435 = (
        "The server needs {packages}, which cannot be imported. Install what it needs, the extra 'serve': "
        "pip install fastapi uvicorn prometheus-client."
    )
    ML436 = "The request is larger than {limit:,} bytes. Send it in several parts."
    ML437 = "'{field}' has {n:,} items, and at most {limit:,} are allowed. Send several requests."
    ML438 = "'{field}' has {n:,} characters, and at most {limit:,} are allowed. Split it at paragraphs."
    ML439 = "The pipeline has no component '{name}'. It has: {names}.{hint}"
    ML440 = "{what} needs {needed}, and this pipeline has none. It has: {names}."
    ML441 = "The server failed. Its log says why, at the request id {id}."
    ML442 = "The server is busy: {n:,} texts are waiting. Send the request again later."
    ML443 = "The request took longer than {seconds:g} seconds and was stopped. Send less text, or send it later."
    ML444 = "The token is missing or wrong. Send the header: Authorization: Bearer TOKEN."
    ML445 = "The knowledge base has no entity '{id}'."
    ML446 = "'{field}' could not be processed ({reason}). Other texts of the request may work: send them without it."
    ML447 = "The request is not valid: {reason}"
    ML448 = (
        "The masks {first} and {second} of 'masks' overlap, or one is outside the text. Give first character and end."
    )
    ML449 = "{method} {path} does not exist on this server. /docs lists what it answers."
    ML490 = (
        "'vectors' needs a component 'mluke', and this pipeline has none. Send the request without it, or serve a "
        'pipeline with one: nlp.add_pipe("mluke"), after the components that find entities.'
    )
