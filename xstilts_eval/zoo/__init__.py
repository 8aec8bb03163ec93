"""Published numbers with their sources: `manifest` reads them, `check` finds what is wrong with them."""
