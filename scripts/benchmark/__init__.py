"""Benchmarks of the whole product, on real servers, beside the limits of the machine."""
