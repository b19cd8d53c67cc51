"""Domains with the DNS records they need: what is there, what is missing, each to copy."""

from starlette.responses import Response
from starlette.routing import Route

from lettershop.base.errors import NotFound
from lettershop.servers.web.frame import Screen, Ui, Visit
from lettershop.servers.web.ports import Services

VERDICTS = {
    "ok": ("good", "found"), "missing": ("bad", "missing"), "different": ("watch", "different"), "unknown": ("calm", "not known"),
}  # fmt: skip


def screen(ui: Ui, services: Services) -> Screen | None:
    """`/domains` and `/domains/{name}`."""
    server, dns = services.mail_server, services.dns
    if server is None:
        return None

    async def index(visit: Visit) -> Response:
        return visit.show("domains.html", screen="domains", domains=await server.domains())

    async def show(visit: Visit) -> Response:
        name = str(visit.request.path_params["name"])
        found = [domain for domain in await server.domains() if domain.name == name]
        if not found:
            raise NotFound("This domain is not hosted here.")
        findings = await dns(name) if dns is not None else []
        return visit.show("domain.html", screen="domains", domain=found[0], findings=findings, verdicts=VERDICTS)

    routes = [
        Route("/domains", ui.page("server.read", index), name="domains"),
        Route("/domains/{name}", ui.page("server.read", show), name="domain"),
    ]
    return Screen("domains", routes, "Domains", "/domains", "domains", "Mail server", "server.read")
