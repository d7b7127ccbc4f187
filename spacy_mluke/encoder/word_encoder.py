"""The encoder as a tok2vec layer inside one component."""

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
    """Build a tok2vec layer that encodes the words of documents. Registered as `spacy-mluke.WordEncoder.v1`.

    `nlp.replace_listeners` puts it in place of a component's listener, with a copy of the encoder.

    encoder (EncoderModel): The encoder, `spacy-mluke.Encoder.v1`.
    pooling (Model[Ragged, Floats2d]): Turns a token's wordpieces into one vector, such as `reduce_mean.v1`.
    grad_factor (float): Factor of the gradients that go to the encoder.
    RETURNS (Model[List[Doc], List[Floats2d]]): One row per token.
    RAISES (ImportError): ML327 without spacy-transformers.
    RAISES (ValueError): ML310 for a factor that is not a number.
    """
    check_number("grad_factor", grad_factor)
    return chain(words_only(encoder), token_pooling(pooling, grad_factor))


def words_only(encoder: EncoderModel) -> "Model[List[Doc], List[TransformerData]]":
    """Return a layer that encodes documents without entities.

    encoder (EncoderModel): As from `build_encoder_v1`.
    RETURNS (Model[List[Doc], List[TransformerData]]): A layer with the output of a `TransformerListener`.
    """
    model: Model[List[Doc], List[TransformerData]] = Model(
        "mluke-words", forward, init=init, layers=[encoder], dims={"nO": None}
    )
    if encoder.has_dim("nO"):
        model.set_dim("nO", encoder.get_dim("nO"))
    return model


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    """Read the checkpoint and set the width."""
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
    """Return the layer that takes a listener's place. `nlp.replace_listeners` calls this with a copy of the encoder."""
    return words_only(encoder)


def replace_listener_config(encoder: Dict[str, Any], listener: Dict[str, Any]) -> Dict[str, Any]:
    """Return the config of the layer that takes a listener's place. Called by `nlp.replace_listeners`.

    encoder (Dict[str, Any]): Config of the shared encoder.
    listener (Dict[str, Any]): Config of the replaced listener.
    RETURNS (Dict[str, Any]): Config of a `spacy-mluke.WordEncoder.v1`.
    """
    config = {"@architectures": "spacy-mluke.WordEncoder.v1", "encoder": dict(encoder)}
    for key in ("pooling", "grad_factor"):
        if key in listener:
            config[key] = listener[key]
    return config
