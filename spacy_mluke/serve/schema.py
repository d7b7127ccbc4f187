"""Requests and responses of the API. Offsets are in Unicode code points, as in Python's strings."""

from __future__ import annotations

from typing import Annotated, Any, Dict, List, Literal, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _check_unicode(text: str) -> str:
    """JSON can contain "\\ud800", half of a character. Nothing that stores text as UTF-8 accepts it."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError("a lone surrogate (U+D800 to U+DFFF) is not a character") from error
    return text


Str = Annotated[str, AfterValidator(_check_unicode)]

_LANG = Field(None, pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$", description="Language of names, such as 'de'")


class Request(BaseModel):
    """A request: unknown members and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def example(body: Dict[str, Any]) -> ConfigDict:
    """Return the configuration of a request, with an example for the API's description."""
    return ConfigDict(json_schema_extra={"examples": [body]})


_DOCUMENT = {
    "text": "Tokyo is the capital of Japan.",
    "entities": [
        {"start": 0, "end": 5, "label": "LOC", "kb_id": "Q1490", "name": "Tokyo"},
        {"start": 24, "end": 29, "label": "LOC", "kb_id": "Q17", "name": "Japan"},
    ],
    "relations": [{"head": 1, "tail": 0, "label": "capital (P36)", "score": 0.9}],
}


class AnnotateRequest(Request):
    model_config = example({"texts": ["Tokyo is the capital of Japan."], "lang": "de"})

    texts: List[Str] = Field(min_length=1, description="The texts")
    lang: Optional[str] = _LANG
    components: Optional[List[Str]] = Field(None, description="Components that run; by default, all")
    vectors: bool = Field(False, description="Whether to return vectors of entities, and their similarities")


class AnswerRequest(Request):
    model_config = example({"text": "Tokyo is the capital of Japan.", "questions": ["What is the capital of Japan?"]})

    text: Str = Field(description="The text")
    questions: List[Str] = Field(min_length=1, description="Questions about it")
    top_k: Optional[int] = Field(None, ge=1, le=100, description="Maximum number of answers to a question")


class MaskSpan(Request):
    start: int = Field(ge=0, description="First character")
    end: int = Field(ge=1, description="End")


class FillRequest(Request):
    model_config = example({"text": "Tokyo is the capital of [MASK].", "top_k": 3})

    text: Str = Field(description="A text, with [MASK]s")
    masks: List[MaskSpan] = Field([], description="Spans that are masked, too")
    candidates: Optional[List[Str]] = Field(None, min_length=1, description="Fillers to choose from")
    mode: Optional[Literal["entity", "word", "both"]] = Field(None, description="Kind of fillers")
    top_k: Optional[int] = Field(None, ge=1, le=1000, description="Maximum number of fillers of a mask")
    lang: Optional[str] = _LANG


class RenderRequest(Request):
    model_config = example({"document": _DOCUMENT, "styles": ["entities", "relations"]})

    document: Dict[str, Any] = Field(description="A document, as /v1/annotate returns it")
    styles: List[Literal["entities", "relations", "graph", "similarity"]] = Field(min_length=1, max_length=4)
    width: Optional[int] = Field(None, ge=200, le=2000, description="Width of drawings in pixels")
    page: bool = Field(False, description="Whether to return a complete page")


class RenderResponse(BaseModel):
    html: str


class Candidate(BaseModel):
    kb_id: str
    name: Optional[str]
    score: float = Field(description="Probability in this context")
    prior: float = Field(description="Probability given the name alone")


class Entity(BaseModel):
    id: int = Field(description="Position in the list")
    start: int
    end: int
    text: str
    label: str
    score: Optional[float]
    kb_id: Optional[str] = Field(description="Id in the knowledge base; null if it is not linked")
    name: Optional[str] = Field(description="Name of the linked entity in the request's language")
    types: List[str]
    candidates: List[Candidate]
    vector: Optional[List[float]] = Field(None, description="Only with 'vectors'")


class Relation(BaseModel):
    head: int = Field(description="Id of the entity")
    tail: int = Field(description="Id of the entity")
    label: str
    property: Optional[str] = Field(description="Number of Wikidata's property, if the label contains one")
    score: float


class Document(BaseModel):
    text: str
    entities: List[Entity]
    relations: List[Relation]
    similarity: Optional[List[List[Optional[float]]]] = Field(
        None, description="Cosines of all pairs of entities; only with 'vectors', and for at most 200 entities"
    )


class AnnotateResponse(BaseModel):
    documents: List[Document]


class FoundAnswer(BaseModel):
    start: int
    end: int
    text: str
    score: float
    null_score: float = Field(description="Probability that the text does not answer the question")


class AnswerResponse(BaseModel):
    answers: List[List[FoundAnswer]] = Field(description="For each question, best first; empty without an answer")


class Filler(BaseModel):
    text: str
    entity: str
    kb_id: str
    score: float


class FilledMask(BaseModel):
    start: int
    end: int
    fillers: List[Filler]


class FillResponse(BaseModel):
    text: str
    masks: List[FilledMask] = Field(description="In text order; fillers are sorted by score")


class Name(BaseModel):
    name: str
    lang: str
    kind: str
    prior: Optional[float]


class FoundEntity(BaseModel):
    id: str
    name: str
    type: str
    prior: Optional[float]


class Link(BaseModel):
    id: str = Field(description="The entity's id in this or another register")
    url: str = Field(description="Address of its page there")


class Fact(BaseModel):
    property: str = Field(description="Such as 'P36'")
    label: str = Field(description="Name of the property in the request's language, else in English")
    object: str = Field(description="Id of an entity")
    name: Optional[str] = Field(description="Its name; null if it is not in the knowledge base")


class KnownEntity(FoundEntity):
    names: List[Name]
    classes: List[str] = Field(description="Finer types, in English")
    descriptions: Dict[str, str] = Field(description="By language")
    links: List[Link]
    facts: List[Fact] = Field(description="Those that say most come first")
    n_facts: int = Field(description="Number of facts in the knowledge base")


class EntitiesResponse(BaseModel):
    entities: List[FoundEntity] = Field(description="Priors are probabilities given the name")


class Health(BaseModel):
    status: str
    version: str
    pipeline: str
    pipeline_version: str
    lang: str
    components: List[str]
    languages: List[str] = Field(description="Languages of names in the knowledge base")
    features: List[str] = Field(description="What this pipeline can do: 'answer', 'fill', 'entities', 'vectors'")
    limits: Dict[str, float]


class ProblemResponse(BaseModel):
    """RFC 9457, application/problem+json."""

    type: str
    title: str
    status: int
    code: Optional[str] = Field(description="Code of the message")
    detail: str
