"""The shape of addresses and domain names in the API's description, as strict as the program itself. [pure]"""

from pydantic import Field

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAME = rf"({LABEL}\.)+[a-z][a-z0-9]{{0,30}}"
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

EMAIL_PATTERN = rf"^{ATOM}(\.{ATOM})*@{NAME}$"
DOMAIN_PATTERN = rf"^{NAME}$"

EMAIL = Field(pattern=EMAIL_PATTERN, min_length=3, max_length=254, examples=["ann@brand.example"])
"""An address of ASCII letters; its domain in lower case."""

DOMAIN = Field(pattern=DOMAIN_PATTERN, max_length=200, examples=["brand.example"])
"""A domain name; beyond ASCII as A-labels."""
