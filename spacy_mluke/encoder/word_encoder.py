"""The encoder as a token-to-vector layer of its own, without a shared component."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.types import Floats2d, Ragged

from ..errors import check_number
from ..types import EncoderOutput
from .inputs import EncoderInput, no_spans
from .request import EncoderModel
from .trf_data import join_gradients, split_output, token_pooling

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData


def build_word_encoder_v1(
    encoder: EncoderModel, pooling: Model[Ragged, Floats2d], grad_factor: float = 1.0
) -> Model[List[Doc], List[Floats2d]]:
    """Build a tok2vec layer that makes a pass of its own, over words only.

    This is what a component's listener becomes when `nlp.replace_listeners` gives it a copy of the encoder.

    encoder (EncoderModel): The encoder, `spacy-mluke.Encoder.v1`.
    pooling (Model[Ragged, Floats2d]): How a token's wordpieces become one vector, such as `reduce_mean.v1`.
    grad_factor (float): Weight of the gradients that go to the encoder.
    RETURNS (Model[List[Doc], List[Floats2d]]): One row per token.
    RAISES (ImportError): ML327 without spacy-transformers.
    RAISES (ValueError): ML310 for a factor that is no number.
    """
    check_number("grad_factor", grad_factor)
    return chain(words_only(encoder), token_pooling(pooling, grad_factor))


def words_only(encoder: EncoderModel) -> "Model[List[Doc], List[TransformerData]]":
    """Feed documents without entities to an encoder, and split what comes out.

    encoder (EncoderModel): As from `build_encoder_v1`.
    RETURNS (Model[List[Doc], List[TransformerData]]): The form that a listener has.
    """
    model: Model[List[Doc], List[TransformerData]] = Model(
        "mluke-words", forward, init=init, layers=[encoder], dims={"nO": None}
    )
    if encoder.has_dim("nO"):
        model.set_dim("nO", encoder.get_dim("nO"))
    return model


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    """Read the checkpoint and take over its width."""
    encoder = model.layers[0]
    encoder.initialize()
    if model.has_dim("nO") is None:
        model.set_dim("nO", encoder.get_dim("nO"))


def forward(
    model: "Model[List[Doc], List[TransformerData]]", docs: List[Doc], is_train: bool
) -> "Tuple[List[TransformerData], Callable[[List[TransformerData]], List[Doc]]]":
    """Encode the words of documents."""
    output, backprop_states = model.layers[0](EncoderInput(docs, no_spans(len(docs))), is_train)

    def backprop(d_datas: "List[TransformerData]") -> List[Doc]:
        d_output = EncoderOutput(
            piece_states=join_gradients(output, d_datas),
            entity_states=output.entity_states * 0,
            batch=output.batch,
        )
        backprop_states(d_output)
        return docs

    return split_output(output), backprop


def replace_listener(encoder: EncoderModel) -> "Model[List[Doc], List[TransformerData]]":
    """Called by `nlp.replace_listeners` with a copy of the encoder."""
    return words_only(encoder)


def replace_listener_config(encoder: Dict[str, Any], listener: Dict[str, Any]) -> Dict[str, Any]:
    """Called by `nlp.replace_listeners` for the config that builds the same again.

    encoder (Dict[str, Any]): Config of the shared encoder.
    listener (Dict[str, Any]): Config of the listener that is replaced.
    RETURNS (Dict[str, Any]): Config of a `spacy-mluke.WordEncoder.v1`.
    """
    config = {"@architectures": "spacy-mluke.WordEncoder.v1", "encoder": dict(encoder)}
    for key in ("pooling", "grad_factor"):
        if key in listener:
            config[key] = listener[key]
    return config
