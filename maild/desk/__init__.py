"""The decision core: values in, values out. Nothing here reads a clock, a disk, a network or chance."""
