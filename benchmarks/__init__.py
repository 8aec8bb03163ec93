"""Speed against named peers: ``python -m benchmarks`` measures, keeps JSON, and writes docs/benchmarks.md."""
