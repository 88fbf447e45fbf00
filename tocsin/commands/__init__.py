"""The commands, one file each; `tocsin.cli` mounts them lazily."""
