"""The configuration: one TOML text and the environment in, one frozen `Config` out. [pure]

Every key is a field below, with its meaning beside it; `docs/reference/configuration.md` is generated from these models.
`LETTERSHOP_SECTION__KEY` overrides a key; its value is read as TOML where it parses, as a string where it does not.
An unknown key is an error that names the nearest known one.
"""

import difflib
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from lettershop.base.errors import ConfigError

Listener = Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$")]
Network = IPv4Network | IPv6Network
Role = Literal["smtp", "submission", "imap", "pop3", "web", "delivery", "scheduler"]
ROLES: tuple[Role, ...] = ("smtp", "submission", "imap", "pop3", "web", "delivery", "scheduler")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    """Who we are and where our data lies."""

    hostname: str = Field(
        "localhost", description="The name this server greets with; its PTR record should say the same."
    )
    data_dir: str = Field("data", description="Folder of the embedded database, message bytes, keys and certificates.")
    workers: int = Field(0, ge=0, le=256, description="Worker processes; 0 is one per core.")
    trusted_networks: list[Network] = Field(
        [], description="Networks that may relay without logging in. Empty: nobody may."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")


class Listen(_Section):
    """Addresses to listen on, each a list of "address:port"; an empty list turns the service off."""

    smtp: list[Listener] = Field(["0.0.0.0:25"], description="Mail from other servers.")
    submission: list[Listener] = Field(["0.0.0.0:587"], description="Mail from our own users, STARTTLS.")
    submissions: list[Listener] = Field(["0.0.0.0:465"], description="Mail from our own users, TLS.")
    imap: list[Listener] = Field(["0.0.0.0:143"], description="IMAP, STARTTLS.")
    imaps: list[Listener] = Field(["0.0.0.0:993"], description="IMAP, TLS.")
    pop3: list[Listener] = Field(["0.0.0.0:110"], description="POP3, STLS.")
    pop3s: list[Listener] = Field(["0.0.0.0:995"], description="POP3, TLS.")
    http: list[Listener] = Field(["127.0.0.1:8080"], description="Web interface, API, tracking, metrics.")
    https: list[Listener] = Field([], description="The same over TLS.")


class Web(_Section):
    """The web interface and the public pages."""

    public_url: str = Field("http://127.0.0.1:8080", description="What links in messages start with.")
    api_requests_per_second: float = Field(
        500.0, gt=0, description="Requests a token may make to the API, of one worker."
    )
    api_burst: float = Field(2000.0, ge=1, description="Requests a token may make at once.")
    upload_limit: int = Field(
        512, ge=1, description="Megabytes that a file of people uploaded on the screens may have."
    )
    proof_of_work: int = Field(
        14, ge=0, le=24,
        description="Zero bits that the browser of somebody who subscribes has to find: twice the work for each. 0: none.",
    )  # fmt: skip
    keep_audit: float = Field(730, ge=1, description="Days that the log of who did what is kept.")


class Tls(_Section):
    """PEM files; while they are empty a self-made certificate serves."""

    certificate: str = Field("", description="PEM file with the certificate chain.")
    key: str = Field("", description="PEM file with the private key.")
    authorities: str = Field(
        "",
        description="PEM file of the authorities that receivers' certificates are checked against. Empty: the system's.",
    )


class DatabaseSection(_Section):
    """Where rows are kept."""

    url: str = Field(
        "", description="sqlite:///data/lettershop.db or postgresql://user@host/name. Empty: SQLite in data_dir."
    )


class Blobs(_Section):
    """Where message bytes are kept."""

    url: str = Field(
        "", description="file:///var/lib/lettershop/blobs or s3://bucket?endpoint=… Empty: a folder in data_dir."
    )


class Coordination(_Section):
    """Limits shared by several machines."""

    url: str = Field("", description="redis://… where several machines share limits. Empty: one machine.")


class Security(_Section):
    """Who may log in how."""

    plaintext_login: Literal["never", "loopback", "always"] = Field(
        "loopback", description="Logging in without TLS: never, from this machine only, or always."
    )
    login_limit_exempt: list[Network] = Field([], description="Networks whose failed log-ins are not slowed down.")
    key_file: str = Field(
        "",
        description="File with the key that seals secrets in the database (64 hexadecimal digits). Empty: `secrets.key` in the "
        "data directory, made at the first start. Machines that share a database share the file.",
    )


class Dns(_Section):
    """Which resolvers are asked."""

    resolvers: list[Listener] = Field([], description='Like "127.0.0.1:53". Empty: the system\'s.')
    validating: Literal["loopback", "always", "never"] = Field(
        "loopback",
        description="Whose word counts that an answer is authenticated by DNSSEC, which DANE needs: name servers on this machine, "
        "all that are asked (the way to them must be safe), or none.",
    )
    zone_files: list[str] = Field(
        [], description="Zone files that are answered from before any resolver is asked: tests, the demo, split DNS."
    )


Share = Annotated[float, Field(ge=0, le=1)]


class OwnBreakers(_Section):
    """Circuit breakers of one workspace or campaign; what is not told is as in [delivery.breakers]."""

    enabled: bool | None = Field(None, description="Whether they act.")
    bounces: tuple[Share, Share] | None = Field(None, description="Shares of hard bounces: slow down, pause.")
    complaints: tuple[Share, Share] | None = Field(None, description="Shares of complaints: slow down, pause.")
    sample: int | None = Field(None, ge=1, description="Recipients with a final answer before anything is decided.")
    least_bounces: int | None = Field(None, ge=1, description="Hard bounces before they decide anything.")
    least_complaints: int | None = Field(None, ge=1, description="Complaints before they decide anything.")
    slow_to: float | None = Field(None, gt=0, le=1, description="Slowed down: this share of the pace so far.")


class Breakers(_Section):
    """Circuit breakers: from which shares of bounces and complaints on the rest of a campaign goes slowly, or waits."""

    enabled: bool = Field(True, description="Whether they act.")
    bounces: tuple[Share, Share] = Field(
        (0.05, 0.10),
        description="Shares of hard bounces: slow down, pause. For a campaign, a provider, a sending domain.",
    )
    complaints: tuple[Share, Share] = Field(
        (0.001, 0.003), description="Shares of complaints among the delivered: slow down, pause."
    )
    sample: int = Field(100, ge=1, description="Recipients with a final answer before anything is decided.")
    least_bounces: int = Field(10, ge=1, description="Hard bounces before they decide anything.")
    least_complaints: int = Field(3, ge=1, description="Complaints before they decide anything.")
    slow_to: float = Field(0.1, gt=0, le=1, description="Slowed down: this share of the pace so far.")
    workspaces: dict[str, OwnBreakers] = Field({}, description="The same keys for a workspace, by its name.")
    campaigns: dict[str, OwnBreakers] = Field({}, description="The same keys for a campaign, by its name.")


Steps = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


class Warmup(_Section):
    """Warm-up of new addresses and domains: campaigns begin small at each provider and grow day by day."""

    sources: list[str] = Field([], description='Egress addresses that are new; "*": all.')
    domains: list[str] = Field([], description='Sending domains that are new; "*": all.')
    steps: Steps = Field(
        [
            50, 100, 200, 400, 800, 1_500, 3_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000,
            400_000, 600_000, 1_000_000,
        ],
        description="Messages a day to one provider, day after day; afterwards there is no limit.",
    )  # fmt: skip
    providers: dict[str, Steps] = Field({}, description="Steps of their own for providers.")
    least_engaged: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of people who must open, click or answer before the next step. 0: not asked.",
    )


class Delivery(_Section):
    """How mail leaves."""

    routes: dict[str, str] = Field(
        {},
        description='Fixed next hops by recipient domain ("*": all others), before MX look-up: smtp://host:port, '
        "smtp://user@host:port to log in after STARTTLS, smtps://user@host for TLS at once. Several with a blank between are "
        "tried in order.",
    )
    passwords: dict[str, SecretStr] = Field(
        {}, description='Passwords for such routes by "user@host"; "file:/path" names a file that holds one.'
    )
    smtp_port: int = Field(25, ge=1, le=65535, description="The port of remote servers.")
    families: list[Literal["ipv6", "ipv4"]] = Field(
        ["ipv6", "ipv4"], min_length=1,
        description="Versions of IP by which mail leaves, the preferred one first; one that is not named is not used.",
    )  # fmt: skip
    require_tls: list[str] = Field(
        [],
        description='Recipient domains to which mail leaves over TLS or not at all, whoever answers; "*": all. '
        "Policies of the domains themselves (MTA-STS, DANE) count without this.",
    )
    chunking: bool = Field(
        True,
        description="Send envelope and message at once where a receiver offers CHUNKING (RFC 3030): a round trip less. "
        "False: always with DATA.",
    )
    dane: bool = Field(
        True,
        description="Keep to what receiving domains say of their certificates in the DNS (DANE), where it is authenticated.",
    )
    tls_reports: bool = Field(
        True, description="Send a report a day to domains that want to know how TLS to them went (TLSRPT)."
    )
    tls_report_from: str = Field(
        "",
        description="The address that TLS reports come from; its domain should have keys here. Empty: postmaster of the server's name.",
    )
    mta_sts: bool = Field(True, description="Ask for the policies of receiving domains (MTA-STS) and keep to them.")
    source_addresses: list[str] = Field([], description="Egress addresses. Empty: the system chooses.")
    pools: dict[str, list[str]] = Field(
        {},
        description='Named groups of egress addresses, each "192.0.2.1" or with its own EHLO name "192.0.2.1 mta1.brand.example".',
    )
    streams: dict[str, str] = Field(
        {}, description='The pool of a stream: { transactional = "…", bulk = "…" }. Empty: source_addresses.'
    )
    senders: dict[str, str] = Field(
        {}, description="The pool of a sending domain's campaigns. A brand or a campaign may name its own."
    )
    shaping: str = Field(
        "", description="A TOML file with receivers' limits of your own, over those that we ship. Empty: only ours."
    )
    retry: list[float] = Field(
        [300, 900, 1800, 3600, 7200, 14400, 21600, 28800],
        min_length=1,
        description="Seconds to wait after the first, second, … temporary answer; the last one repeats.",
    )
    retry_by: dict[Literal["soon", "late"], Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]] = (
        Field(
            {"soon": [60, 240, 300, 600, 1200, 1800, 3600], "late": [14400, 28800, 43200]},
            description="The same for answers that are worth another try soon (greylisting) or late (a full mailbox); the table of "
            "bounce rules says which. Where `retry` is set and this is not, `retry` counts for every answer.",
        )
    )
    expire: float = Field(
        259200, gt=0, description="Seconds after which a message that met only temporary answers is given up."
    )
    warn_after: float = Field(
        14400, ge=0,
        description="Seconds after which the sender of a message that still waits is told, once a recipient. 0: never. Campaigns "
        "have their report.",
    )  # fmt: skip
    keep_dialogues: float = Field(
        14, ge=0, description="Days for which the dialogue of the last attempt is kept, of what waits or failed."
    )
    keep_messages: float = Field(
        30,
        ge=0,
        description="Days that stored messages (submission, API) are kept after everybody has them or nobody will.",
    )
    bounce_rules: str = Field(
        "",
        description="A TOML file with rules of your own for what receivers' answers and bounces mean. Empty: only ours.",
    )
    soft_bounces: int = Field(
        5, ge=0,
        description="An address is suppressed after this many soft bounces in a row that concern it (a full or closed mailbox, "
        "a filter of the person, a server that cannot be reached), with no delivery between. 0: never.",
    )  # fmt: skip
    soft_bounce_days: float = Field(
        14, ge=0, description="The first and the last of them must lie at least this many days apart."
    )
    connections: int | None = Field(
        None,
        ge=1,
        description="Most connections of one source address to a site that the table of limits does not name.",
    )
    messages_per_connection: int | None = Field(
        None, ge=1, description="Messages after which a connection to such a site is closed."
    )
    breakers: Breakers = Field(Breakers(), description="A table of its own, below.")
    warmup: Warmup = Field(Warmup(), description="A table of its own, below.")

    @property
    def schedules(self) -> Mapping[str, list[float]]:
        """The named schedules that count beside `retry`."""
        plain = "retry" in self.model_fields_set and "retry_by" not in self.model_fields_set
        both: dict[Any, list[float]] = {**Delivery.model_fields["retry_by"].default, **self.retry_by}
        return {} if plain else both


class Mail(_Section):
    """How mail is taken in."""

    max_size: int = Field(52_428_800, ge=65_536, description="Largest message taken, in bytes; announced as SIZE.")
    greylist_delay: float = Field(
        60, ge=0, description="Seconds a first-time sender waits where an account has greylisting on."
    )


class Webhooks(_Section):
    """How events leave for other programs."""

    allow_networks: list[Network] = Field(
        [],
        description="Networks that may be told of events although they are not public: your own hosts. By http:// too.",
    )
    timeout: float = Field(15.0, gt=0, description="Seconds that an address has to take a connection, and to answer.")
    retry_for: float = Field(
        259_200, ge=0,
        description="Seconds that an event is tried for. An address that takes nothing for as long is turned off.",
    )  # fmt: skip
    keep_days: float = Field(7, ge=0, description="Days that deliveries are kept with their answers.")


class Facts(_Section):
    """What happens, written to log files beside the database."""

    folder: str = Field("", description="Folder for a file of JSON lines each day. Empty: none are written.")
    keep_days: int = Field(0, ge=0, description="Days after which those files are deleted. 0: never.")


class Retention(_Section):
    """How long what is known of people is kept, in days. 0: as long as the person is not erased."""

    raw_hits: float = Field(
        180, ge=0,
        description="Address and browser behind an open or a click. The verdict and the figures stay; it cannot be judged again.",
    )  # fmt: skip
    facts: float = Field(
        0, ge=0,
        description="The log of what happened: timelines, journeys, replays of webhooks. Figures of reports stay, but cannot "
        "be counted again.",
    )  # fmt: skip
    import_files: float = Field(
        30, ge=0, description="Files of the rows that imports refused, and of imports that failed."
    )


class Config(_Section):
    """All settings."""

    server: Server = Server()
    listen: Listen = Listen()
    web: Web = Web()
    tls: Tls = Tls()
    database: DatabaseSection = DatabaseSection()
    blobs: Blobs = Blobs()
    coordination: Coordination = Coordination()
    security: Security = Security()
    dns: Dns = Dns()
    delivery: Delivery = Delivery()
    mail: Mail = Mail()
    webhooks: Webhooks = Webhooks()
    facts: Facts = Facts()
    retention: Retention = Retention()

    @property
    def database_url(self) -> str:
        """The database URL with its default filled in."""
        return self.database.url or f"sqlite:///{self.server.data_dir}/lettershop.db"

    @property
    def blobs_url(self) -> str:
        """The blob store URL with its default filled in."""
        return self.blobs.url or f"file://{self.server.data_dir}/blobs"


ENVIRONMENT_PREFIX = "LETTERSHOP_"


def load(text: str, environment: Mapping[str, str], *, source: str = "lettershop.toml") -> Config:
    """`Config` from the file's text and the environment; raises ConfigError that names the key."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            _override(tree, name, value)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, source) from error


def _override(tree: dict[str, Any], name: str, value: str) -> None:
    *path, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
    for part in path:
        tree = tree.setdefault(part, {})
    try:
        tree[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        tree[key] = value


def _explain(error: ValidationError, source: str) -> ConfigError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] != "extra_forbidden":
        return ConfigError(f"{source}: {key} is {first['input']!r}: {first['msg']}.")
    near = difflib.get_close_matches(key, known_keys(), n=1, cutoff=0.5)
    return ConfigError(f"{source}: unknown key {key}.", remedy=f"Did you mean {near[0]}?" if near else "")


def known_keys() -> list[str]:
    """Every key as "section.key", and the sections themselves."""
    keys: list[str] = []
    for name, model in sections():
        keys += [name, *(f"{name}.{key}" for key in model.model_fields)]
    return keys


def sections() -> list[tuple[str, type[BaseModel]]]:
    """Every section by its name, those within a section ("delivery.breakers") after it."""
    found: list[tuple[str, type[BaseModel]]] = []
    for name, section in Config.model_fields.items():
        model = section.annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        inner = [(f"{name}.{key}", info.annotation) for key, info in model.model_fields.items()]
        found += [(name, model), *((path, kind) for path, kind in inner if _is_section(kind))]
    return found


def _is_section(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
