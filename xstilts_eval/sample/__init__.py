"""The bundled sample: written by hand for this package, kept in the official formats."""
