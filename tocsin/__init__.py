"""The program: configuration, the one step, the daemon, the command line, the pages."""

__version__ = "0.1.0"
