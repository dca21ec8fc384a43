"""Composition: the only place that names a concrete target."""
