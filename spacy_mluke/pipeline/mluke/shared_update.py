"""A forward pass of the encoder that several listeners train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Tuple

from ...encoder.running import empty_gradient
from ...encoder.trf_data import join_gradients
from ...types import DeviceFloats2d, EncoderOutput

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData


class SharedUpdate:
    """Sums the gradients of all listeners, and backpropagates the sum through the encoder once.

    A shared component does not know how many of its listeners will call back (frozen ones do not), nor in which order
    `finish_update` and the callbacks are called. So it backpropagates after the last expected callback, or at `flush`.

    output (EncoderOutput): The states that the listeners read.
    backprop (Callable[[EncoderOutput], Any]): Backpropagates the gradient of `output`.
    n_listeners (int): Number of expected callbacks, of listeners for tokens and for entities.
    on_done (Callable[[float], None]): Called after the backward pass, with the sum of the squared gradients.
    """

    def __init__(
        self,
        output: EncoderOutput,
        backprop: Callable[[EncoderOutput], object],
        n_listeners: int,
        on_done: Callable[[float], None],
    ):
        self.output = output
        self.n_expected = n_listeners
        self._backprop = backprop
        self._on_done = on_done
        self._gradient: Optional[EncoderOutput] = None
        self._open = True

    def __reduce__(self) -> Tuple[Callable[[], None], Tuple[()]]:
        # An update belongs to its process: pickles and copies of the component contain none.
        return _no_update, ()

    @property
    def has_gradient(self) -> bool:
        """Whether a listener has called back, and its gradient is not backpropagated yet."""
        return self._open and self._gradient is not None

    def receive(self, d_datas: Sequence[TransformerData]) -> List:
        """Add the gradient of a listener for tokens: its callback.

        d_datas (Sequence[TransformerData]): Gradients of the documents that have tokens.
        RETURNS (List): Empty.
        """
        if self._open:
            gradient = self._sum()
            assert gradient.piece_states is not None
            gradient.piece_states += join_gradients(self.output, d_datas)
            self._count()
        return []

    def receive_entities(self, d_states: DeviceFloats2d) -> None:
        """Add the gradient of a listener for entities: its callback.

        d_states (DeviceFloats2d): Gradient of all entity states. Shape: (n_entities, width).
        """
        if self._open:
            gradient = self._sum()
            gradient.entity_states += d_states
            self._count()

    def _sum(self) -> EncoderOutput:
        if self._gradient is None:
            self._gradient = empty_gradient(self.output)
        return self._gradient

    def _count(self) -> None:
        self.n_expected -= 1
        if self.n_expected <= 0:
            self.flush()

    def flush(self) -> None:
        """Backpropagate the gradients received so far. Later callbacks are ignored."""
        if self.has_gradient:
            gradient = self._gradient
            assert gradient is not None
            self._backprop(gradient)
            squared = float((gradient.entity_states**2).sum())
            if gradient.piece_states is not None:
                squared += float((gradient.piece_states**2).sum())
            self._on_done(squared)
        self._open = False
        self._gradient = None


def _no_update() -> None:
    return None
