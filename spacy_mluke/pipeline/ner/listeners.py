"""The components that read the forward pass of `mluke_ner`."""

from __future__ import annotations

from typing import Any, Dict, List

from thinc.api import Model

from ...encoder.passage import PassageListener
from ...encoder.request import EncoderModel
from ...errors import Errors


class ListenedPass:
    """Base of `EntityRecognizer`: connects its listeners, in the interface that spaCy uses for shared layers."""

    name: str
    model: Any
    listener_map: Dict[str, List[Any]]  # by component

    @property
    def listening_components(self) -> List[str]:
        """Names of the components that read the forward pass."""
        return list(self.listener_map)

    @property
    def listeners(self) -> List[Any]:
        """The layers that read the forward pass."""
        return [layer for layers in self.listener_map.values() for layer in layers]

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
        known = self.listener_map.setdefault(component_name, [])
        if not any(listener is layer for layer in known):
            known.append(listener)

    def remove_listener(self, listener: Any, component_name: str) -> bool:
        """Disconnect a listener. Usually called by spaCy.

        listener (PassageListener): The layer.
        component_name (str): The component that contains it.
        RETURNS (bool): Whether it was connected.
        """
        known = self.listener_map.get(component_name, [])
        kept = [layer for layer in known if layer is not listener]
        if len(kept) == len(known):
            return False
        self.listener_map[component_name] = kept
        if not kept:
            del self.listener_map[component_name]
        return True

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
