"""Mail fetched from mailboxes by IMAP4rev1 (RFC 3501), with aioimaplib's parser.

names        mailbox names and strings as they go over the wire
wire         aioimaplib's protocol with its defects worked around, and what can go wrong
login        how one proves to be the mailbox's owner
oauth        access tokens and how they are renewed
connection   the commands that fetching needs, each with a time-out
recognition  which of the mailboxes that were read before it is
uids         sets of UIDs
arrival      from the bytes in a mailbox to a mail of the desk: its envelope, and what stands for one that is too big
reader       one mailbox: what is new is kept, then moved, flagged or deleted
"""
