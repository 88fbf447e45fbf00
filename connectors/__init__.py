"""Everything that touches the outside: sources, codecs, sinks, journal, snapshot, history, the simulated world."""
