"""Samples become ticks, ticks become scores. Pure: no I/O, no clock, no randomness, no logging."""
