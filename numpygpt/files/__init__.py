"""Bytes on disk and on the wire: a name to a folder, a folder to arrays."""
