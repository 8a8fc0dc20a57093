"""Bytes arrive. Every way in ends in one call of `receiver.Receiver.receive`; `reply` alone turns an error into an answer."""
