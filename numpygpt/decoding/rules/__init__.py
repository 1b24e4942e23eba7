"""Penalties, more filters, and the table of all steps."""
