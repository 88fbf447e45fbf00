"""Measurements of Tocsin: how well it judges, how fast it is, and beside whom."""
