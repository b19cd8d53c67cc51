"""The few messages that go over a connection of their own, because their senders say something of TLS (RFC 8689).

TLS-Required: No (3): rather arrive than be kept from prying eyes. What a host's guard demands could not be had; these go all
the same, over a connection without a guard, and the others wait.
REQUIRETLS (4.2.1): the host that takes the mail of all the others does not promise to keep to TLS, or nothing proves who it is.
These are offered to the next hosts of the domain, one after another, before they are returned.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from lettershop.egress.dialler import Dialler
from lettershop.egress.guard import OPEN
from lettershop.egress.message import OPTIONAL, Leased, Recipe, outgoing
from lettershop.egress.site import Hop
from lettershop.egress.sources import Source
from lettershop.egress.unsent import Office, ready_ones
from lettershop.egress.verdict import Answer, judge, not_made
from lettershop.net.dial import CannotConnect, Result, SmtpConnection
from lettershop.wire.smtp.outgoing import Lost, Outcome, tls_not_kept

LEAVE_PATIENCE = 5.0
Place = tuple[Hop, str]
"""A host and one of its addresses."""


async def send_anyway(
    office: Office, dialler: Dialler, place: Place, source: Source, taken: Sequence[Leased], answer: Answer
) -> None:
    """An attempt of all of them: those that may go without a guard are sent, for the others it ended with `answer`."""
    ready = await ready_ones(office, taken, answer.words)
    free = [recipe for _, recipe in ready if recipe.tls == OPTIONAL]
    answers: dict[int, Answer | Exception] = dict.fromkeys((leased.envelope_id for leased, _ in ready), answer)
    if free:
        answers |= await _sent(dialler, (replace(place[0], guard=OPEN), place[1]), source, free)
    for leased, recipe in ready:
        _judged(office, leased, recipe, answers[leased.envelope_id])


async def send_elsewhere(
    office: Office,
    dialler: Dialler,
    places: Sequence[Place],
    source: Source,
    refused: Sequence[tuple[Leased, Recipe, Answer]],
) -> None:
    """An attempt of all of them at these places; who finds none that keeps to TLS ends with the answer of the first."""
    left = {leased.envelope_id: recipe for leased, recipe, _ in refused}
    answers: dict[int, Answer | Exception] = {}
    for place in places:
        if left:
            answers |= await _sent(dialler, place, source, list(left.values()))
            left = {number: recipe for number, recipe in left.items() if number not in answers}
    for leased, recipe, answer in refused:
        _judged(office, leased, recipe, answers.get(leased.envelope_id, answer))


def _judged(office: Office, leased: Leased, recipe: Recipe, answer: Answer | Exception) -> None:
    now = office.clock.now()
    if isinstance(answer, Exception):
        office.record(not_made(leased, recipe.address, answer, now, office.retries))
    else:
        office.record(judge(leased, recipe.address, answer, now, office.retries, office.rules))


async def _sent(
    dialler: Dialler, place: Place, source: Source, recipes: Sequence[Recipe]
) -> dict[int, Answer | Exception]:
    """What became of them, by envelope, or why it could not be made; whoever is not in it was not offered to anybody."""
    try:
        connection = await dialler.connect(*place, source)
    except CannotConnect:
        return {}
    dsn = "DSN" in connection.capabilities.names
    answers: dict[int, Answer | Exception] = {}
    try:
        for recipe in recipes:
            try:
                message = outgoing(recipe, recipe.make(), dsn=dsn)
            except Exception as error:
                answers[recipe.envelope_id] = error
                continue
            result = await connection.send(message)
            if not (isinstance(result, Outcome) and tls_not_kept(result)):
                answers[recipe.envelope_id] = _answer(result, place[0].host, connection, recipe)
    finally:
        await _left(connection)
    return answers


async def _left(connection: SmtpConnection) -> None:
    try:
        async with asyncio.timeout(LEAVE_PATIENCE):
            await connection.close()
    except TimeoutError:
        connection.abort()


def _answer(result: Result, host: str, connection: SmtpConnection, recipe: Recipe) -> Answer:
    tls = connection.tls.version if connection.tls else ""
    if isinstance(result, Lost):
        return Answer(451, "4.4.2", f"Lost the connection: {result.why}", result.stage, host, tls)
    reply = result.reply
    relayed = "SUCCESS" in recipe.dsn[1] and "DSN" not in connection.capabilities.names
    return Answer(reply.code, reply.enhanced, reply.text, result.stage, host, tls, relayed=relayed)
