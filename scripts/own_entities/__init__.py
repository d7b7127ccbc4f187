"""A table of 200 invented products in three languages, and sentences about them."""
