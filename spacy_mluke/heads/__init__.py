"""States of the encoder -> scores: thinc Models."""
