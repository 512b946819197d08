"""Conformance suites: what a backend, task, space, strategy or worker pool must do. Run them on your own."""
