"""Statistics that several analyses share: correlation, regression, kinship, the level that a gain starts from."""
