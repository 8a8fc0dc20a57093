"""maild: an email-first helpdesk daemon. Read `flow.py` first."""

__version__ = "0.1.0"
