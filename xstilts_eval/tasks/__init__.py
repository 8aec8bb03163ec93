"""From documents to the host's requests, and from responses to statistics. The YAMLs name functions of it."""
