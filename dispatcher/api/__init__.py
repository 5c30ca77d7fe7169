"""HTTP, and the only place that knows the web framework."""
