"""The table of receivers' limits: what ships is sound, what an operator writes is laid over it, what is wrong is named."""

import re
from importlib.resources import files

import pytest

from lettershop.base.config import Delivery
from lettershop.base.errors import ConfigError
from lettershop.egress.classify import classify
from lettershop.egress.shaping import build, read
from lettershop.egress.shaping_file import load, shipped

TEXT = (files("lettershop.egress") / "shaping.toml").read_text()
TABLE = build(shipped())


def own(text):
    return build(shipped(), read(text, source="mine.toml"))


@pytest.mark.parametrize(
    ("domain", "hosts", "site", "row"),
    [
        ("gmail.com", ["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"], "google", "google"),
        ("shop.example", ["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "google", "google"),
        ("hotmail.com", ["hotmail-com.olc.protection.outlook.com"], "microsoft", "microsoft"),
        ("firm.example", ["firm-example.mail.protection.outlook.com"], "firm-example.mail.protection.outlook.com", "office365"),
        ("yahoo.com", ["mta5.am0.yahoodns.net"], "yahoo", "yahoo"),
        ("me.com", ["mx01.mail.icloud.com"], "apple", "apple"),
        ("web.de", ["mx-ha02.web.de", "mx-ha03.web.de"], "gmx", "gmx"),
        ("t-online.de", ["mx00.t-online.de"], "t-online", "t-online"),
        ("wanadoo.fr", ["smtp-in.orange.fr"], "orange", "orange"),
        ("corp.example", ["mxa-001.pphosted.com"], "mxa-001.pphosted.com", "proofpoint"),
        ("corp.example", ["eu-smtp-inbound-1.mimecast.com"], "eu-smtp-inbound-1.mimecast.com", "mimecast"),
        ("b.example", ["mx1.b.example", "mx2.b.example"], "mx1.b.example", "default"),
        ("mixed.example", ["aspmx.l.google.com", "mx.mixed.example"], "aspmx.l.google.com", "default"),
        ("evil.example", ["mx.google.com.evil.example"], "mx.google.com.evil.example", "default"),
        ("alone.example", ["alone.example"], "alone.example", "default"),
    ],
)  # fmt: skip
def test_domains_are_rolled_up_by_their_servers(domain, hosts, site, row):
    found = TABLE.site(domain, hosts)
    assert (found.name, found.row.name) == (site, row)


def test_behind_a_smarthost_the_domain_says_nothing():
    assert TABLE.site("gmail.com", ["smart.brand.example"], by_domain=False).row.name == "default"
    assert TABLE.site("gmail.com", ["10.0.0.1"]).row.name == "google"


def test_every_figure_names_its_source():
    known = set(re.findall(r"^#   \[(\w+)\]", TEXT, re.MULTILINE))
    figures = [line for line in TEXT.splitlines() if re.match(r"(connections|messages_per_\w+|for) = ", line)]
    assert len(figures) > 70
    for line in figures:
        assert set(re.findall(r"\[(\w+)\]", line.partition("#")[2])) & known, line


def test_every_rule_fires_at_its_sample():
    for row in (TABLE.default, *TABLE.rows):
        for rule in row.rules:
            code, _, text = rule.sample.partition(" ")
            enhanced, _, words = text.partition(" ")
            enhanced, words = (enhanced, words) if re.fullmatch(r"[245]\.\d+\.\d+", enhanced) else ("", text)
            assert rule.fits(classify(int(code), enhanced, words, "rcpt").reason, rule.sample), rule.sample
            assert rule.why.endswith(".")


def test_a_sample_fires_no_other_row():
    """What Yahoo says must not suspend Google."""
    ours = {row.name: [rule for rule in row.rules if rule.pattern] for row in TABLE.rows}
    default = set(TABLE.default.rules)
    for name, rules in ours.items():
        for rule in (one for one in rules if one not in default):
            others = [
                other for own, own_rules in ours.items() if own != name for other in own_rules
                if other not in default and other.fits("", rule.sample) and name not in ("microsoft", "office365")
            ]  # fmt: skip
            assert not others, (rule.sample, others)


def test_ordinary_mail_suspends_nobody():
    for row in (TABLE.default, *TABLE.rows):
        for line in ("250 2.0.0 OK", "550 5.1.1 No such user", "452 4.2.2 Mailbox full", "451 4.7.1 Greylisted"):
            assert not [rule for rule in row.rules if rule.pattern and rule.fits("", line)]


def test_an_operators_file_is_laid_over_ours():
    table = own(
        '[google]\nconnections = 12\n[[google.when]]\nanswer = "abc"\nsuspend = true\nfor = 60\nwhy = "Abc."\n'
        '[partner]\nmx = ["*.partner.example"]\nmessages_per_minute = 30\n[default]\nconnections = 3\n'
    )  # fmt: skip
    google = table.row("google")
    assert (google.connections, google.messages_per_connection) == (12, 50)
    assert google.rules[0].why == "Abc."
    assert len(google.rules) > len(table.default.rules) + 1
    assert table.site("x.example", ["mx.partner.example"]).row.messages_per_minute == 30
    assert table.site("x.example", ["mx.partner.example"]).row.connections == 3
    assert table.site("b.example", ["mx.b.example"]).row.connections == 3


def test_an_own_row_counts_before_ours():
    table = own('[gmail-only]\ndomains = ["gmail.com"]\nconnections = 1\n[hosted]\nmx = ["aspmx*", "*.google.com"]\n')
    assert table.site("gmail.com", ["gmail-smtp-in.l.google.com"]).name in ("gmail-only", "google")
    assert own('[mine]\ndomains = ["gmail.com"]\n').site("gmail.com", ["gmail-smtp-in.l.google.com"]).name == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[google]\nconections = 3", r"unknown key google\.conections.*Did you mean connections"),
        ("[google]\nconnections = 0", r"google\.connections: .*greater than or equal to 1"),
        ('[google]\nconnections = "many"', r"google\.connections"),
        ("[nobody]\nconnections = 3", r"\[nobody\] counts for nobody"),
        ("[Google]\nconnections = 3", "no name of a row"),
        ("google = 3", "google"),
        ("[google", "not valid TOML"),
        ('[[google.when]]\nanswer = "("\nsuspend = true\nfor = 1\nwhy = "W."', r"rule 1 of \[google\].*no regular expression"),
        ('[[google.when]]\nanswer = "a"\nfor = 1\nwhy = "W."', "does nothing"),
        ('[[google.when]]\nsuspend = true\nfor = 1\nwhy = "W."', "either `answer` or `reasons`"),
        ('[[google.when]]\nreasons = ["bad-mood"]\nsuspend = true\nfor = 1\nwhy = "W."', "no class of answers 'bad-mood'"),
        ('[[google.when]]\nanswer = "a"\nsuspend = true\nfr = 1\nwhy = "W."', "for|fr"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text, words):
    with pytest.raises(ConfigError) as caught:
        own(text)
    assert re.search(words, caught.value.for_people()), caught.value.for_people()


def test_the_settings_change_the_default_row_only(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[google]\nconnections = 2\n")
    table = load(Delivery(shaping=str(path), connections=7))
    assert (table.default.connections, table.row("google").connections, table.row("yahoo").connections) == (7, 2, 10)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(Delivery(shaping=str(tmp_path / "none.toml")))
