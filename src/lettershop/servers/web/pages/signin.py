"""Signing in and out, and choosing the workspace."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lettershop.mail.second_factor import CodeNeeded
from lettershop.mail.users import SignInFailed, TooManyTries
from lettershop.servers.web.frame import NotFromHere, Screen, Ui, Visit, positive
from lettershop.servers.web.pages.doorway import OUT_OF_DATE, Doorway, busy
from lettershop.servers.web.ports import Services
from lettershop.servers.web.requests import client
from lettershop.servers.web.security import local_path


def screen(ui: Ui, services: Services) -> Screen | None:
    """The routes; it has no place in the navigation."""
    users, sessions, doorway = services.users, ui.sessions, Doorway(ui, services.users)

    async def show(request: Request) -> Response:
        if await sessions.who(request):
            return RedirectResponse(local_path(request.query_params.get("next", "/")), 303)
        return doorway.password(request)

    async def sign_in(request: Request) -> Response:
        fields = await request.form()
        email, password = str(fields.get("email", "")), str(fields.get("password", ""))
        if not sessions.trusted(request, sessions.before(request), fields):
            return doorway.password(request, email=email, problem=OUT_OF_DATE, status=403)
        try:
            agent = request.headers.get("user-agent", "")
            signed = await users.sign_in(email, password, ip=client(request.scope), user_agent=agent)
        except CodeNeeded as needed:
            return doorway.code(request, needed.ticket, target=str(fields.get("next", "/")))
        except SignInFailed as error:
            return doorway.password(request, email=email, problem=error.public, status=401)
        except TooManyTries as error:
            return busy(doorway.password(request, email=email, problem=error.public, status=429), error.wait)
        answer = RedirectResponse(local_path(str(fields.get("next", "/"))), 303)
        sessions.keep(request, answer, signed)
        return answer

    async def sign_out(visit: Visit) -> Response:
        await users.sign_out(sessions.secret(visit.request))
        answer = visit.back_to("/login")
        sessions.forget(visit.request, answer)
        return answer

    async def workspace(visit: Visit) -> Response:
        chosen = positive(str(visit.form.get("workspace", "")))
        if chosen is None or visit.who.in_workspace(chosen).workspace_id != chosen:
            raise NotFromHere("You are not a member of this workspace.")
        answer = visit.back_to("/")
        sessions.choose(visit.request, answer, chosen)
        return answer

    return Screen(
        "sign-in",
        [
            Route("/login", show, name="sign-in"),
            Route("/login", sign_in, methods=["POST"]),
            Route("/logout", ui.page("", sign_out), methods=["POST"]),
            Route("/workspace", ui.page("", workspace), methods=["POST"]),
        ],
    )
