"""Bytes to facts and facts to bytes. Pure: parsing never fails, writing never lets a value break a header.

`parse(raw, trust, trusted)` gives `Parsed`; `write(outgoing)` gives the bytes of a mail.
"""
