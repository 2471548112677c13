"""Dashboards of Grafana, one module each, built by its foundation SDK."""
