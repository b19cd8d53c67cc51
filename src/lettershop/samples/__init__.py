"""Sample data that ships with the program: an audience, a newsletter, a campaign file. Written for the demo and the tutorial.

`subscribers.csv` has 2,000 rows, twelve of them broken on purpose (`tools/make_subscribers.py` made it once). The local
parts of addresses tell the demo's receivers how to behave: `gone.`, `later.`, `full.`.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
SUBSCRIBERS = FOLDER / "subscribers.csv"
CAMPAIGN = FOLDER / "campaign.toml"
