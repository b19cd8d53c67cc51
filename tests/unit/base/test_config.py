"""The configuration: what an operator sees when a key is wrong, and what the environment overrides."""

import pytest

from lettershop.base.config import load
from lettershop.base.errors import ConfigError


def test_defaults_serve_without_a_file():
    config = load("", {})
    assert config.listen.smtp == ["0.0.0.0:25"]
    assert config.database_url == "sqlite:///data/lettershop.db"


def test_the_environment_overrides_a_key_with_its_type():
    config = load(
        '[server]\nhostname = "a.example"\nworkers = 1',
        {
            "LETTERSHOP_SERVER__WORKERS": "4",
            "LETTERSHOP_LISTEN__HTTP": '["127.0.0.1:1"]',
            "LETTERSHOP_DATA": "x",
            "HOME": "/",
        },
    )
    assert (config.server.hostname, config.server.workers, config.listen.http) == ("a.example", 4, ["127.0.0.1:1"])


def test_a_plain_word_in_the_environment_is_a_string():
    assert load("", {"LETTERSHOP_SERVER__HOSTNAME": "mail.a.example"}).server.hostname == "mail.a.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[delivery]\nroute = {}", "unknown key delivery.route. Did you mean delivery.routes?"),
        ("[smpt]\nx = 1", "unknown key smpt."),
        ("[server]\nworkers = -1", "server.workers is -1"),
        ('[listen]\nsmtp = ["nowhere"]', "listen.smtp"),
        ("[server", "not valid TOML"),
    ],
)
def test_a_wrong_key_is_named(text, words):
    with pytest.raises(ConfigError) as caught:
        load(text, {})
    assert words in caught.value.for_people()


def test_an_unknown_key_in_the_environment_is_named_too():
    with pytest.raises(ConfigError, match=r"server\.hostnam"):
        load("", {"LETTERSHOP_SERVER__HOSTNAM": "x"})
