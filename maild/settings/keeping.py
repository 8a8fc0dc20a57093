"""Who the desk is, where everything is kept, what is bounded and logged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from maild.reading import Count, Duration, Language, Line, ListId, Mailbox, Shape, Size, Zone
from maild.settings.values import (
    FilesSetting,
    Limit,
    PathSetting,
    hostname_of,
    key,
    local_socket,
    node_name,
    s3_endpoint_of,
    store_url,
    tag_of,
)


class Desk(Shape):
    """Who the desk is."""

    name: Line = key("The desk's name, as people see it beside its address.", example="Example Support")
    address: Mailbox = key("The address that customers write to.", example="support@example.test")
    aliases: tuple[Mailbox, ...] = key("Further addresses of this desk.", [])
    tag: Annotated[Line, AfterValidator(tag_of)] = key(
        "The word in subjects: [TAG #12] Printer on fire.", example="Example"
    )
    language: Language = key("The language for everybody of whom nothing else is known.", "en")
    timezone: Zone = key("The desk's time zone, for times in mails and for digests.", "UTC", example="UTC")
    reply_address: Literal["plus", "plain"] = key(
        "plus: answers go to support+TOKEN@…, if your mail server delivers that; plain: the token is in the Message-ID only.",
        "plus",
    )
    delimiter: Literal["+", "-", "=", "_", "."] = key("What your mail server has instead of the plus.", "+")
    lists: tuple[ListId, ...] = key(
        "List-Ids of mailing lists that are our own way in: their mail is acknowledged.", []
    )
    forms: tuple[Mailbox, ...] = key("Senders of web forms, whose Reply-To names the requester.", [])
    hostname: Annotated[str, AfterValidator(hostname_of)] = key(
        "Our name when we greet other mail servers; empty: the domain of the address.", ""
    )


class Store(Shape):
    """Where everything is kept."""

    advice: ClassVar[Mapping[str, str]] = {
        "s3_secret": "a secret is never written here: put it in a file and name that with s3_secret_file, or use s3_credential"
    }
    url: Annotated[Line, AfterValidator(store_url)] = key(
        "The database: sqlite:///FILE, or postgresql+psycopg://HOST/NAME.", "sqlite:///var/maild.db"
    )
    files: FilesSetting = key(
        "The folder of raw mail and attachments, or s3://BUCKET/PREFIX. Nodes of one desk share it.",
        "var/files",
    )
    spool: PathSetting | None = key(
        "The folder for mail while it comes in, on this host. Without it: spool in files, with S3 the system's for temporary files.",
        None,
        example="var/spool",
    )
    node: Annotated[str, AfterValidator(node_name)] = key(
        "This node's name among those of the desk; empty: the host's name with a mark for this file.", ""
    )
    s3_endpoint: Annotated[str, AfterValidator(s3_endpoint_of)] = key(
        "The S3-compatible store, like https://s3.example.org; empty: Amazon's.", ""
    )
    s3_region: str = key("Its region; empty: that of the environment.", "")
    s3_access_key: str = key("The access key; empty: what the environment or the machine's role gives.", "")
    s3_secret_file: PathSetting | None = key("The file that holds its secret.", None, example="secrets/s3")
    s3_credential: Line | None = key("Or the systemd credential that does.", None, example="s3")

    @property
    def spool_folder(self) -> Path | None:
        """Where mail is put while it comes in; None: the system's folder for temporary files."""
        if self.spool is not None or not isinstance(self.files, Path):
            return self.spool
        return self.files / "spool"


class Limits(Shape):
    """What is bounded; "off" where there may be no bound."""

    message_size: Size = key("The largest mail that is taken.", "25 MB")
    acknowledge_within: Duration = key("Mail that is older is not acknowledged.", "1d")
    automatic_per_address_per_hour: Limit = key("Automatic mails to one address in an hour.", 10)
    automatic_per_ticket_per_day: Limit = key("Automatic mails on one ticket in a day.", 50)
    automatic_per_domain_per_hour: Limit = key(
        "Automatic mails to one domain in an hour; more are delayed.", "off"
    )
    automatic_per_hour: Limit = key("Automatic mails in an hour in all; more are delayed.", "off")
    notifications_per_agent_per_hour: Limit = key("Notifications to one agent; more become a digest.", 60)
    notify_size: Size = key("Attachments up to this sum go with a notification.", "10 MB")
    participants: Count = key("Participants of one ticket.", 10)
    references: Count = key("Message-IDs in the References of a mail we send.", 20)
    connections: Count = key("Incoming connections at once.", 200)
    connections_per_address: Count = key("Incoming connections at once from one address.", 20)
    recipients: Count = key("Recipients of one incoming mail (RFC 5321 §4.5.3.1.8 asks for 100).", 100)
    errors: Count = key("Mistakes after which an incoming connection is closed.", 10)
    idle_commands: Count = key("Commands without a mail after which it is closed.", 50)
    timeout: Duration = key(
        "Silence after which it is closed (RFC 5321 §4.5.3.2.7 asks for 5 minutes).", "5m"
    )


class Metrics(Shape):
    """Numbers for Prometheus."""

    address: Annotated[Line, AfterValidator(local_socket)] | None = key(
        "Where they are read, at /metrics: HOST:PORT of this machine only, or unix:PATH; none: nowhere.",
        None,
        example="127.0.0.1:9464",
    )


class Log(Shape):
    """What is written to stderr while the daemon runs."""

    format: Literal["auto", "text", "json"] = key("auto: text on a terminal, json elsewhere.", "auto")
    level: Literal["debug", "info", "warning", "error"] = key("From which level on.", "info")
