"""The benchmark's metrics as counts that add up, so that scores, intervals and tests come from one set of them."""
