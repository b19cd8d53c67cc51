"""Messages whose sender would rather have them arrive than kept from prying eyes: TLS-Required: No (RFC 8689 3).

What a host's guard demands could not be had. These few go all the same, over a connection without a guard; the others wait.
"""

from collections.abc import Sequence
from dataclasses import replace

from lettershop.egress.dialler import Dialler
from lettershop.egress.guard import OPEN
from lettershop.egress.message import OPTIONAL, Leased, Recipe, outgoing
from lettershop.egress.site import Hop
from lettershop.egress.sources import Source
from lettershop.egress.unsent import Office, ready_ones
from lettershop.egress.verdict import Answer, judge
from lettershop.net.dial import CannotConnect, Result
from lettershop.wire.smtp.outgoing import Lost


async def send_anyway(
    office: Office, dialler: Dialler, place: tuple[Hop, str], source: Source, taken: Sequence[Leased], answer: Answer
) -> None:
    """An attempt of all of them: those that may go without a guard are sent, for the others it ended with `answer`."""
    ready = await ready_ones(office, taken, answer.words)
    free = [(leased, recipe) for leased, recipe in ready if recipe.tls == OPTIONAL]
    answers = dict.fromkeys((leased.envelope_id for leased, _ in ready), answer)
    if free:
        answers |= await _sent(dialler, place, source, free, answer)
    for leased, recipe in ready:
        outcome = judge(
            leased, recipe.address, answers[leased.envelope_id], office.clock.now(), office.retries, office.rules
        )
        office.record(outcome)


async def _sent(
    dialler: Dialler, place: tuple[Hop, str], source: Source, free: Sequence[tuple[Leased, Recipe]], answer: Answer
) -> dict[int, Answer]:
    """What became of them, by envelope."""
    hop, address = replace(place[0], guard=OPEN), place[1]
    try:
        connection = await dialler.connect(hop, address, source)
    except CannotConnect:
        return {}
    tls = connection.tls.version if connection.tls else ""
    dsn = "DSN" in connection.capabilities.names
    answers: dict[int, Answer] = {}
    try:
        for leased, recipe in free:
            result = await connection.send(outgoing(recipe, recipe.make(), dsn=dsn))
            relayed = "SUCCESS" in recipe.dsn[1] and not dsn
            answers[leased.envelope_id] = _answer(result, hop.host, tls, relayed=relayed)
    finally:
        connection.abort()
    return answers


def _answer(result: Result, host: str, tls: str, *, relayed: bool) -> Answer:
    if isinstance(result, Lost):
        return Answer(451, "4.4.2", f"Lost the connection: {result.why}", result.stage, host, tls)
    reply = result.reply
    return Answer(reply.code, reply.enhanced, reply.text, result.stage, host, tls, relayed=relayed)
