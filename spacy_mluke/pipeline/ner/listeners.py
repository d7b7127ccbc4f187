"""The components that read the forward pass of `mluke_ner`."""

from __future__ import annotations

from typing import Any, List

from thinc.api import Model

from ...encoder.passage import PassageListener
from ...encoder.request import EncoderModel
from ...errors import Errors
from ..base.listening import ListenedTo


class ListenedPass(ListenedTo):
    """Base of `EntityRecognizer`: connects its listeners, in the interface that spaCy uses for shared layers."""

    name: str
    model: Any

    @property
    def listeners(self) -> List[Any]:
        """The layers that read the forward pass."""
        return self.listening_layers()

    def add_listener(self, listener: Any, component_name: str) -> None:
        """Connect a listener of another component. Usually called by spaCy.

        listener (PassageListener): The layer.
        component_name (str): The component that contains it.
        RAISES (ValueError): ML386 if candidates are encoded with joint visibility: their states then depend on the
            other candidates.
        """
        encoder: EncoderModel = self.model.get_ref("encoder")
        if self.visibility != "isolated":
            raise ValueError(Errors.ML386.format(listener=component_name, name=self.name))
        listener.connect(encoder)
        self.remember_listener(listener, component_name)

    def find_listeners(self, component: Any) -> None:
        """Connect the listeners of another component. Usually called by spaCy.

        component (Any): A component of the pipeline.
        """
        if isinstance(getattr(component, "model", None), Model):
            for node in component.model.walk():
                if isinstance(node, PassageListener) and node.upstream_name == self.name:
                    self.add_listener(node, component.name)

    @property
    def visibility(self) -> str:
        """What an entity attends to: the encoder's option."""
        raise NotImplementedError
