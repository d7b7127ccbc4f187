"""Which layers of other components read a component, in the interface that spaCy uses for shared layers."""

from __future__ import annotations

from typing import Any, Dict, List


class ListenedTo:
    """Base of components whose states are read by layers of other components."""

    listener_map: Dict[str, List[Any]]  # the layers, by component

    @property
    def listening_components(self) -> List[str]:
        """Names of the components with listeners."""
        return list(self.listener_map)

    def listening_layers(self) -> List[Any]:
        """Return all listeners."""
        return [layer for layers in self.listener_map.values() for layer in layers]

    def remember_listener(self, listener: Any, component_name: str) -> None:
        """Add a listener, unless it is known.

        listener (Model): The layer.
        component_name (str): The component that contains it.
        """
        known = self.listener_map.setdefault(component_name, [])
        if not any(listener is layer for layer in known):
            known.append(listener)

    def remove_listener(self, listener: Any, component_name: str) -> bool:
        """Disconnect a listener. Usually called by spaCy.

        listener (Model): The layer.
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
