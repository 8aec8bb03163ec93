"""From the host's results to typed records, scoreboards, comparisons and exports. Nothing here touches a model."""
