"""One pass of the encoder, trained by several listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Tuple

from ...encoder.running import empty_gradient
from ...encoder.trf_data import join_gradients
from ...types import DeviceFloats2d, EncoderOutput

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData


class SharedUpdate:
    """Sums the gradients of all listeners and sends them through the encoder once.

    spaCy tells a shared component neither how many of its listeners will call back (a frozen one will not) nor in which
    order `finish_update` and the callbacks come. So the pass goes backward when the last expected callback has come, or
    when `flush` says that no more will.

    output (EncoderOutput): What the listeners read.
    backprop (Callable[[EncoderOutput], Any]): Takes the gradient of `output`.
    n_listeners (int): Callbacks expected, of listeners for tokens and for entities.
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
        # An update belongs to its process: a pickle or a copy of the component holds none.
        return _no_update, ()

    @property
    def has_gradient(self) -> bool:
        """Whether a listener has called back and the pass has not gone backward yet."""
        return self._open and self._gradient is not None

    def receive(self, d_datas: Sequence[TransformerData]) -> List:
        """The callback of a listener for tokens: gradients of the documents that have tokens."""
        if self._open:
            gradient = self._sum()
            assert gradient.piece_states is not None
            gradient.piece_states += join_gradients(self.output, d_datas)
            self._count()
        return []

    def receive_entities(self, d_states: DeviceFloats2d) -> None:
        """The callback of a listener for entities.

        d_states (DeviceFloats2d): Gradient of the pass's entity states. Shape: (n_entities, width).
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
        """Go backward with what has come; without anything, let go of the pass."""
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
