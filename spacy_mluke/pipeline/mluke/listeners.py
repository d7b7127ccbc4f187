"""Listeners of an encoder: layers of other components that read its states and train it."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from thinc.api import Model

from ...annotate.trf_data import MLUKE, OTHER, read_from
from ...encoder.access import encoder_settings
from ...encoder.listener import EncoderListener, WidthOf
from ...encoder.request import EncoderModel
from ...encoder.trf_data import is_token_listener
from ...errors import Errors
from ..base.listening import ListenedTo
from ..base.serialization import ENCODER, EncoderComponent


class ListenedEncoder(ListenedTo, EncoderComponent):
    """Base of `MLuke`: an encoder with its listeners, in the interface that spaCy uses for shared layers."""

    model: EncoderModel

    def saved_encoder(self) -> Optional[EncoderModel]:
        return self.model

    def after_loading(self, skipped: Sequence[str]) -> None:
        super().after_loading(skipped)
        if ENCODER not in skipped:
            self.set_listener_widths()

    def add_listener(self, listener: Any, component_name: str) -> None:
        """Connect a listener of another component. Usually called by spaCy.

        listener (TransformerListener): The layer.
        component_name (str): The component that contains it.
        RAISES (ValueError): ML073 if this component does not keep token states.
        """
        if not self.cfg["keep_token_states"]:
            raise ValueError(Errors.ML073.format(listener=component_name, name=self.name))
        if getattr(listener, "upstream_name", "*") != "*":
            read_from(listener, MLUKE)
        self.remember_listener(listener, component_name)
        self.set_listener_widths()

    @property
    def listeners(self) -> List[Any]:
        """Layers of other components that read the states of tokens."""
        return [layer for layer in self.listening_layers() if not isinstance(layer, EncoderListener)]

    @property
    def entity_listeners(self) -> List[EncoderListener]:
        """Layers of other components that read the states of entities."""
        return [layer for layer in self.listening_layers() if isinstance(layer, EncoderListener)]

    def find_listeners(self, component: Any) -> None:
        """Connect the listeners of another component: for tokens and for entities. Usually called by spaCy.

        component (Any): A component of the pipeline.
        """
        if not isinstance(getattr(component, "model", None), Model):
            return
        for node in component.model.walk():
            is_ours = getattr(node, "upstream_name", None) in ("*", self.name)
            if isinstance(node, EncoderListener) and is_ours:
                self.remember_listener(node, component.name)
            elif is_token_listener(node) and is_ours:
                self.add_listener(node, component.name)
            elif is_token_listener(node):
                # It names another transformer, and must keep reading that one.
                read_from(node, OTHER)
        self.set_listener_widths()

    def set_listener_widths(self) -> None:
        """Set the width of listeners that have none. Before the checkpoint is read, listeners get the checkpoint's name
        and read its config when they are initialized, so that a frozen encoder is not loaded earlier."""
        for listener in self.listening_layers():
            if listener.has_dim("nO") is not None:
                continue
            if self.model.has_dim("nO"):
                listener.set_dim("nO", self.model.get_dim("nO"))
            else:
                cfg = encoder_settings(self.model)
                listener.init = WidthOf(cfg["name"], cfg["revision"])
